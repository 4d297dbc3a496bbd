/* inspect_script.h: what the project's interpreter is asked, and how its answer is recognised. */
#ifndef COMB_PROJECT_INSPECT_SCRIPT_H
#define COMB_PROJECT_INSPECT_SCRIPT_H

#define INSPECT_PREFIX "comb-environment:"
#define INSPECT_EXTENSION "COMB_EXTENSION" /* the environment variable that names comb's extension */

/*
 * One line, INSPECT_PREFIX and an object: version, executable, environment,
 * pytest, problem, pip, plugins as pairs of name and version, engine: why comb's
 * extension cannot be loaded, which a child tries, for it may not survive. Runs on any Python,
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
	"    answer['engine'] = None\n"
	"    import os, sysconfig\n"
	"    if sys.implementation.name != 'cpython':\n"
	"        answer['engine'] = 'it is %s, and the extension is for CPython' % sys.implementation.name\n"
	"    elif sysconfig.get_config_var('Py_GIL_DISABLED'):\n"
	"        answer['engine'] = 'it is a free-threaded build, which has no stable ABI'\n"
	"    else:\n"
	"        read, write = os.pipe()\n"
	"        pid = os.fork()\n"
	"        if pid == 0:\n"
	"            why = ''\n"
	"            try:\n"
	"                spec = importlib.util.spec_from_file_location('_comb', os.environ['" INSPECT_EXTENSION "'])\n"
	"                importlib.util.module_from_spec(spec)\n"
	"            except BaseException as error:\n"
	"                why = str(error) or type(error).__name__\n"
	"            os.write(write, ('.' + why[:300]).encode('ascii', 'backslashreplace'))\n"
	"            os._exit(0)\n"
	"        os.close(write)\n"
	"        said = os.read(read, 2000).decode('ascii')\n"
	"        os.waitpid(pid, 0)\n"
	"        answer['engine'] = said[1:] if said else 'the process ended when it was loaded'\n"
	"print('\\n" INSPECT_PREFIX "' + json.dumps(answer))\n";

#endif
