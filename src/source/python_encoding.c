#include "source/python_encoding.h"

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

/* How to find the characters of an encoding whose second bytes may look like ASCII. */
struct double_byte {
	const char *name;
	unsigned char lead_min, lead_max, gap_min, gap_max; /* lead bytes, but for those in the gap */
};

static const struct double_byte double_bytes[] = {
	{ "shift-jis", 0x81, 0xfc, 0xa0, 0xdf },	{ "shiftjis", 0x81, 0xfc, 0xa0, 0xdf },
	{ "sjis", 0x81, 0xfc, 0xa0, 0xdf },		{ "s-jis", 0x81, 0xfc, 0xa0, 0xdf },
	{ "csshiftjis", 0x81, 0xfc, 0xa0, 0xdf },	{ "cp932", 0x81, 0xfc, 0xa0, 0xdf },
	{ "932", 0x81, 0xfc, 0xa0, 0xdf },		{ "ms932", 0x81, 0xfc, 0xa0, 0xdf },
	{ "mskanji", 0x81, 0xfc, 0xa0, 0xdf },		{ "ms-kanji", 0x81, 0xfc, 0xa0, 0xdf },
	{ "windows-31j", 0x81, 0xfc, 0xa0, 0xdf },	{ "shift-jis-2004", 0x81, 0xfc, 0xa0, 0xdf },
	{ "shift-jisx0213", 0x81, 0xfc, 0xa0, 0xdf },	{ "gbk", 0x81, 0xfe, 1, 0 },
	{ "936", 0x81, 0xfe, 1, 0 },			{ "cp936", 0x81, 0xfe, 1, 0 },
	{ "ms936", 0x81, 0xfe, 1, 0 },			{ "gb18030", 0x81, 0xfe, 1, 0 },
	{ "gb18030-2000", 0x81, 0xfe, 1, 0 },		{ "big5", 0x81, 0xfe, 1, 0 },
	{ "big5-tw", 0x81, 0xfe, 1, 0 },		{ "csbig5", 0x81, 0xfe, 1, 0 },
	{ "big5hkscs", 0x81, 0xfe, 1, 0 },		{ "big5-hkscs", 0x81, 0xfe, 1, 0 },
	{ "hkscs", 0x81, 0xfe, 1, 0 },			{ "cp950", 0x81, 0xfe, 1, 0 },
	{ "950", 0x81, 0xfe, 1, 0 },			{ "ms950", 0x81, 0xfe, 1, 0 },
	{ "cp949", 0x81, 0xfe, 1, 0 },			{ "949", 0x81, 0xfe, 1, 0 },
	{ "ms949", 0x81, 0xfe, 1, 0 },			{ "uhc", 0x81, 0xfe, 1, 0 },
	{ "johab", 0x84, 0xf9, 1, 0 },			{ "cp1361", 0x84, 0xf9, 1, 0 },
	{ "ms1361", 0x84, 0xf9, 1, 0 },
};

/* Prefixes of encodings in which ASCII text is not its own bytes, or is not text at all. */
static const char *const unfit[] = {
	"utf-7", "utf7", "u7", "unicode-1-1-utf-7", "utf-16", "utf16", "u16", "utf-32", "utf32", "u32", "unicodebig",
	"idna", "punycode", "unicode-escape", "unicodeescape", "raw-unicode-escape", "rawunicodeescape", "undefined",
	"hz", "iso2022", "iso-2022", "csiso2022", "cp037", "037", "csibm037", "ebcdic", "ibm037", "ibm039", "cp273",
	"273", "ibm273", "csibm273", "cp424", "424", "csibm424", "ibm424", "cp500", "500", "csibm500", "ibm500",
	"cp875", "875", "ibm875", "cp1026", "1026", "csibm1026", "ibm1026", "cp1140", "1140", "ibm1140", "rot13",
	"rot-13", "base64", "base-64", "hex", "bz2", "zip", "zlib", "uu", "quopri", "quoted-printable",
};

static const char *const utf8_names[] = { "utf-8", "utf8", "u8", "utf", "utf-8-sig", "cp65001", "utf8-ucs2", "utf8-ucs4" };
static const char *const latin1_names[] = { "iso-8859-1", "latin-1", "latin1", "iso8859-1", "iso-latin-1", "8859",
					    "l1", "latin", "cp819", "iso8859", "iso-8859-1-1987", "iso-ir-100" };

static bool is_listed(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}
#define IS_LISTED(name, list) is_listed(name, list, sizeof(list) / sizeof(*(list)))

static const struct double_byte *find_double_byte(const char *name)
{
	for (size_t i = 0; i < sizeof(double_bytes) / sizeof(*double_bytes); i++)
		if (strcmp(name, double_bytes[i].name) == 0)
			return &double_bytes[i];
	return NULL;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

/* 1: *name is filled from a cookie; 0: the line is a comment or empty; -1: it is code; -2: out of memory. */
static int read_cookie(struct slice s, size_t start, size_t end, struct str *name)
{
	size_t at = start;
	while (at < end && strchr(" \t\f", s.ptr[at]) && s.ptr[at])
		at++;
	if (at == end)
		return 0;
	if (s.ptr[at] != '#')
		return -1;
	for (; at + 7 < end; at++) {
		if (memcmp(s.ptr + at, "coding", 6) != 0 || (s.ptr[at + 6] != ':' && s.ptr[at + 6] != '='))
			continue;
		size_t from = at + 7;
		while (from < end && (s.ptr[from] == ' ' || s.ptr[from] == '\t'))
			from++;
		size_t to = from;
		while (to < end && is_name_byte(s.ptr[to]))
			to++;
		if (to == from)
			continue;
		str_clear(name);
		for (size_t i = from; i < to; i++) {
			char c = s.ptr[i] == '_' ? '-' : s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i];
			if (str_addc(name, c) < 0)
				return -2;
		}
		return 1;
	}
	return 0;
}

static int find_cookie(struct slice source, size_t text_start, struct str *name, int *line)
{
	size_t start = text_start;
	for (*line = 1; *line <= 2; ++*line) {
		size_t end = slice_line_end(source, start);
		int found = read_cookie(source, start, end, name);
		if (found != 0)
			return found == -1 ? 0 : found;
		start = slice_next_line(source, end);
	}
	return 0;
}

static int check_utf8(struct slice source, const char *path, struct err *err)
{
	int line = 1;
	for (size_t at = 0; at < source.len;) {
		size_t n = utf8_length(source.ptr + at, source.len - at);
		if (n == 0) {
			err_set_at(err, ERR_INPUT, path, line, "byte 0x%02x is not valid UTF-8",
				   (unsigned char)source.ptr[at]);
			return err_hint(err, "name the file's encoding in its first line: # -*- coding: latin-1 -*-");
		}
		line += source.ptr[at] == '\n';
		at += n;
	}
	return 0;
}

static int replace(struct str *s, const char *text, struct err *err)
{
	str_clear(s);
	return str_adds(s, text) < 0 ? err_no_memory(err) : 0;
}

int python_encoding_detect(struct slice source, const char *path, struct str *name, size_t *text_start,
			   struct err *err)
{
	bool has_mark = source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0;
	*text_start = has_mark ? 3 : 0;
	int line;
	int found = find_cookie(source, *text_start, name, &line);
	if (found < 0)
		return err_no_memory(err);
	if (found == 0 || IS_LISTED(name->buf, utf8_names) || text_starts_with(name->buf, "utf-8-")) {
		if (replace(name, "utf-8", err) < 0)
			return -1;
		return check_utf8(source, path, err);
	}
	if (has_mark)
		return err_set_at(err, ERR_INPUT, path, line,
				  "the byte order mark says UTF-8, the encoding cookie says %s", name->buf);
	for (size_t i = 0; i < sizeof(unfit) / sizeof(*unfit); i++)
		if (strcmp(name->buf, unfit[i]) == 0 ||
		    (strlen(unfit[i]) > 5 && text_starts_with(name->buf, unfit[i]))) {
			err_set_at(err, ERR_INPUT, path, line, "a file in the encoding %s cannot be edited here", name->buf);
			return err_hint(err, "convert the file to UTF-8");
		}
	return IS_LISTED(name->buf, latin1_names) ? replace(name, "iso-8859-1", err) : 0;
}

int python_encoding_mask(struct slice source, const char *encoding, struct str *out)
{
	str_clear(out);
	if (str_add(out, source.ptr, source.len) < 0)
		return -1;
	bool utf8 = strcmp(encoding, "utf-8") == 0;
	const struct double_byte *pairs = utf8 ? NULL : find_double_byte(encoding);
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->buf[i];
		if (c == '\r' && (i + 1 >= out->len || out->buf[i + 1] != '\n'))
			out->buf[i] = '\n';
		if (utf8 || c < 0x80)
			continue;
		out->buf[i] = '_';
		bool leads = pairs && c >= pairs->lead_min && c <= pairs->lead_max &&
			     !(c >= pairs->gap_min && c <= pairs->gap_max);
		if (leads && i + 1 < out->len && out->buf[i + 1] != '\n' && out->buf[i + 1] != '\r')
			out->buf[++i] = '_';
	}
	return 0;
}

static int add_latin1(struct str *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (str_add_code_point(out, (unsigned char)bytes.ptr[i]) < 0)
			return -1;
	return 0;
}

static bool is_ascii(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if ((unsigned char)bytes.ptr[i] >= 0x80)
			return false;
	return true;
}

int python_encoding_add(struct str *out, struct slice bytes, const char *encoding)
{
	if (strcmp(encoding, "utf-8") == 0 || is_ascii(bytes))
		return str_add(out, bytes.ptr, bytes.len);
	if (strcmp(encoding, "iso-8859-1") == 0)
		return add_latin1(out, bytes);
	iconv_t converter = iconv_open("UTF-8", encoding);
	if (converter == (iconv_t)-1)
		return str_add(out, bytes.ptr, bytes.len);
	if (str_reserve(out, bytes.len * 4) < 0) {
		iconv_close(converter);
		return -1;
	}
	char *in = (char *)(uintptr_t)bytes.ptr, *to = out->buf + out->len;
	size_t in_left = bytes.len, to_left = bytes.len * 4;
	bool converted = iconv(converter, &in, &in_left, &to, &to_left) != (size_t)-1;
	iconv_close(converter);
	if (!converted)
		return str_add(out, bytes.ptr, bytes.len);
	out->len = (size_t)(to - out->buf);
	out->buf[out->len] = '\0';
	return 0;
}
