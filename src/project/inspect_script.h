/* inspect_script.h: what the project's interpreter is asked, and how its answer is recognised. */
#ifndef COMB_PROJECT_INSPECT_SCRIPT_H
#define COMB_PROJECT_INSPECT_SCRIPT_H

#define INSPECT_PREFIX "comb-environment:"

/*
 * One line, INSPECT_PREFIX and an object: version, executable, environment,
 * pytest, problem, pip, plugins as pairs of name and version. Runs on any Python,
 * also one that is too old, so that comb can say so. The current folder is
 * taken from sys.path while the standard library is imported: a json.py of the
 * project must not be met there.
 */
static const char inspect_script[] =
	"import sys\n"
	"here = sys.path.pop(0)\n"
	"import json, re\n"
	"def text(value):\n"
	"    try:\n"
	"        return value.encode('utf-8').decode('utf-8') if value else None\n"
	"    except Exception:\n"
	"        return None\n"
	"answer = {'version': list(sys.version_info[:3]), 'executable': text(sys.executable),\n"
	"          'pytest': None, 'problem': None, 'plugins': []}\n"
	"if sys.prefix != getattr(sys, 'base_prefix', sys.prefix):\n"
	"    answer['environment'] = text(sys.prefix)\n"
	"if sys.version_info >= (3, 9):\n"
	"    from importlib import metadata\n"
	"    sys.path.insert(0, here)\n"
	"    try:\n"
	"        import pytest\n"
	"        answer['pytest'] = str(pytest.__version__)\n"
	"    except BaseException as error:\n"
	"        problem = '%s: %s' % (type(error).__name__, error)\n"
	"        answer['problem'] = problem.encode('ascii', 'backslashreplace').decode('ascii')\n"
	"    plugins = {}\n"
	"    for found in metadata.distributions():\n"
	"        try:\n"
	"            if any(point.group == 'pytest11' for point in found.entry_points):\n"
	"                name = re.sub('[-_.]+', '-', found.metadata['Name']).lower()\n"
	"                plugins.setdefault(name, found.version)\n"
	"        except Exception:\n"
	"            continue\n"
	"    import importlib.util\n"
	"    answer['pip'] = importlib.util.find_spec('pip') is not None\n"
	"    answer['plugins'] = sorted(plugins.items())\n"
	"print('\\n" INSPECT_PREFIX "' + json.dumps(answer))\n";

#endif
