#include "phases/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

enum { COLUMNS = 72, DETAIL_BYTES = 60000 };

static const char phase_key[] = "Comb-Phase: ", gate_key[] = "Comb-Gate: ", status_key[] = "Comb-Status: ";

/* Words moved to the next line at COLUMNS; a longer word has a line to itself. */
static int add_wrapped(struct str *out, const char *line, size_t len)
{
	size_t column = 0;
	for (size_t i = 0; i < len;) {
		size_t word = 0;
		while (i < len && line[i] == ' ')
			i++;
		while (i + word < len && line[i + word] != ' ')
			word++;
		if (word == 0)
			break;
		bool fits = column == 0 || column + 1 + word <= COLUMNS;
		if ((column > 0 && str_addc(out, fits ? ' ' : '\n') < 0) || str_add_printable(out, line + i, word) < 0)
			return -1;
		column = fits ? column + (column > 0) + word : word;
		i += word;
	}
	return str_addc(out, '\n');
}

/* Lines that start with a space, a dash or a bar are laid out already. */
static int add_detail(struct str *out, const char *text)
{
	size_t left = strlen(text) < DETAIL_BYTES ? strlen(text) : DETAIL_BYTES;
	while (left > 0) {
		const char *newline = memchr(text, '\n', left);
		size_t len = newline ? (size_t)(newline - text) : left;
		bool laid_out = len > 0 && strchr(" \t-|*", text[0]);
		int failed = laid_out ? str_add_printable(out, text, len) < 0 || str_addc(out, '\n') < 0 :
				      add_wrapped(out, text, len);
		if (failed)
			return -1;
		text += len + (newline != NULL);
		left -= len + (newline != NULL);
	}
	return 0;
}

static int end_paragraph(struct str *out)
{
	while (out->len > 0 && out->buf[out->len - 1] == '\n')
		out->buf[--out->len] = '\0';
	return str_adds(out, "\n\n");
}

int message_format(const struct message_text *text, struct str *out)
{
	str_clear(out);
	if (str_add_printable(out, text->subject, strlen(text->subject)) < 0 || end_paragraph(out) < 0 ||
	    str_add_printable(out, text->figure, strlen(text->figure)) < 0 || end_paragraph(out) < 0 ||
	    add_detail(out, text->detail) < 0 || end_paragraph(out) < 0)
		return -1;
	if (text->gate && str_addf(out, "%s%s\n%s%s\n%s%s\n", phase_key, text->phase, gate_key, text->gate, status_key,
				   text->status) < 0)
		return -1;
	while (out->len > 1 && out->buf[out->len - 1] == '\n' && out->buf[out->len - 2] == '\n')
		out->buf[--out->len] = '\0';
	return 0;
}

int message_for_gate(const struct phase *phase, const struct gate *gate, int attempt,
		     const struct gate_result *result, struct str *out)
{
	cleanup_str struct str subject = STR_INIT, detail = STR_INIT;
	const char *status = gate_status_name(result->status);
	if (str_addf(&subject, "gate %s %s: %s", gate->id, status, gate->title) < 0)
		return -1;
	if (attempt > 0 && gate->attempts > 1 &&
	    str_addf(&detail, "Attempt %d of %d.\n\n", attempt, gate->attempts) < 0)
		return -1;
	if (str_adds(&detail, str_text(&result->detail)) < 0)
		return -1;
	struct message_text text = {
		.subject = subject.buf,
		.figure = result->figure.len ? result->figure.buf : gate->title,
		.detail = str_text(&detail),
		.phase = phase->verb,
		.gate = gate->id,
		.status = status,
	};
	return message_format(&text, out);
}

static char *copy_line(const char *at, size_t left)
{
	cleanup_str struct str line = STR_INIT;
	const char *newline = memchr(at, '\n', left);
	return str_add(&line, at, newline ? (size_t)(newline - at) : left) < 0 ? NULL : str_steal(&line);
}

static bool take_value(const char *line, size_t len, const char *key, char **value)
{
	if (len <= strlen(key) || strncmp(line, key, strlen(key)) != 0)
		return true;
	free(*value);
	*value = copy_line(line + strlen(key), len - strlen(key));
	return *value != NULL;
}

int message_parse(struct slice text, struct message *message)
{
	size_t line_number = 0;
	bool ok = true;
	message_release(message);
	for (size_t at = 0; ok && at < text.len; line_number++) {
		const char *line = text.ptr + at;
		const char *newline = memchr(line, '\n', text.len - at);
		size_t len = newline ? (size_t)(newline - line) : text.len - at;
		if (line_number == 2)
			ok = (message->figure = copy_line(line, len)) != NULL;
		ok = ok && take_value(line, len, phase_key, &message->phase) &&
		     take_value(line, len, gate_key, &message->gate) &&
		     take_value(line, len, status_key, &message->status);
		at += len + 1;
	}
	if (ok && message->phase && message->gate && message->status && message->figure)
		return 0;
	message_release(message);
	return ok ? 0 : -1;
}

void message_release(struct message *message)
{
	free(message->phase);
	free(message->gate);
	free(message->status);
	free(message->figure);
	*message = (struct message){ 0 };
}
