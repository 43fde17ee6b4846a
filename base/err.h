/*
 * One failure, told once, from the outside in.
 *
 * A struct err is a value: it owns nothing and is never freed. Whoever knows the
 * cause fills it with err_set(); whoever knows which one it was puts that in
 * front with err_at(). Functions that can fail take it last, never NULL, and
 * return -1 (or NULL) exactly when they filled it. A caller that deals with a
 * failure says so by err_clear().
 *
 * Texts are lower case without a full stop, quote foreign text, say what was
 * found and what was expected, and never carry a credential. Control characters
 * that came with foreign text are replaced here, and what looks like a credential
 * is taken out (base/secret.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE,
	ERR_USAGE,	/* the command line: exit 2 */
	ERR_IO,		/* this machine: disk, permissions */
	ERR_NET,	/* another machine: no answer, or one that says no */
	ERR_FORMAT,	/* a document or archive that is not what it should be */
	ERR_INTEGRITY,	/* bytes that are not the bytes that were promised: exit 4 */
	ERR_LIMIT,	/* larger than we are willing to read */
	ERR_UNSAT,	/* a request that no set of packages meets: exit 3 */
	ERR_BUG,	/* we contradict ourselves: nothing may be made of it */
	ERR_CANCELLED,	/* another part of the same work failed first */
};

struct err {
	enum err_code code;
	int sys;	/* of ERR_IO: errno, where there was one; of ERR_NET: the status that a server answered; else 0 */
	char text[2000];
};

#define ERR_INIT { .code = ERR_NONE }

void err_fill(struct err *err, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void err_fill_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_put_front(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline int err_failed(void)
{
	return -1;
}

/*
 * The three below return -1, so that failing is one line. They are macros so that
 * the compiler knows the -1 too, and what is set only on success is never taken for
 * used unset.
 */

/* int err_set(struct err *err, enum err_code code, const char *fmt, ...): fill a clean err. */
#define err_set(...) ({ err_fill(__VA_ARGS__); err_failed(); })

/* int err_sys(struct err *err, const char *fmt, ...): fill a clean err with ERR_IO and add the words for errno. */
#define err_sys(...) ({ err_fill_sys(__VA_ARGS__); err_failed(); })

/* int err_at(struct err *err, const char *fmt, ...): put "fmt: " in front of a filled err. */
#define err_at(...) ({ err_put_front(__VA_ARGS__); err_failed(); })

/* The failure has been dealt with. */
void err_clear(struct err *err);

#endif
