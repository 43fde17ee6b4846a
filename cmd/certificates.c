#include "cmd/certificates.h"

#include <string.h>

#define BEGIN "-----BEGIN "
#define END "-----END "
#define KIND "CERTIFICATE-----"

static bool starts(struct str s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool is_base64(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", line.p[i], 65))
			return false;
	return line.n > 0;
}

/* The lines up to "-----END CERTIFICATE-----", which is the next of rest to be cut off on return. */
static int read_block(struct str *rest, const char *name, unsigned *number, struct buf *ret, struct err *err)
{
	unsigned first = *number, lines = 0;
	struct str line;

	buf_adds(ret, BEGIN KIND "\n");
	while (rest->n && str_cut(rest, '\n', &line)) {
		++*number;
		line = str_trim(line);
		if (starts(line, END)) {
			if (!lines)
				return err_set(err, ERR_FORMAT, "%s:%u: is a certificate without content", name, first);
			buf_adds(ret, END KIND "\n");
			return 0;
		}
		if (!is_base64(line))
			return err_set(err, ERR_FORMAT, "%s:%u: '%.*s' is no line of a certificate, expected base64",
				       name, *number, (int)(line.n > 80 ? 80 : line.n), line.p);
		/* A DER sequence of more than 127 bytes, as every certificate is. */
		if (!lines && !starts(line, "MI"))
			return err_set(err, ERR_FORMAT, "%s:%u: is not the beginning of a certificate", name, *number);
		buf_add(ret, line.p, line.n);
		buf_addc(ret, '\n');
		lines++;
	}
	return err_set(err, ERR_FORMAT, "%s:%u: the certificate has no end ('" END KIND "')", name, first);
}

int certificates_add(const char *p, size_t n, const char *name, struct buf *ret, struct err *err)
{
	struct str rest = { p, n }, line;
	unsigned number = 0, count = 0;

	while (rest.n && str_cut(&rest, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (!starts(line, BEGIN))
			continue;
		if (memmem(line.p, line.n, "PRIVATE KEY", 11))
			return err_set(err, ERR_FORMAT, "%s:%u: is a private key, which has no place in an image", name,
				       number);
		if (!starts((struct str){ line.p + strlen(BEGIN), line.n - strlen(BEGIN) }, KIND))
			continue;
		if (read_block(&rest, name, &number, ret, err) < 0)
			return -1;
		count++;
	}
	if (!count)
		return err_set(err, ERR_FORMAT,
			       "%s: has no certificate, expected PEM ('" BEGIN KIND "'; a DER file becomes one by "
			       "openssl x509 -inform der)",
			       name);
	return 0;
}
