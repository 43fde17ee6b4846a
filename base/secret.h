/* Credentials in sentences: the net below the rule that nobody puts one there. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

/*
 * Takes out of a sentence, which becomes no longer, whatever looks like a credential:
 *
 *	"https://user:password@host/x"	"https://host/x"
 *	"user:password@host/x"		"...@host/x"
 *	"https://host/t/TOKEN/x"	"https://host/x"
 *	"https://host/x?sig=SECRET"	"https://host/x?..."
 *
 * Also where the URL has a slip in it, or was cut in the middle of its password. Digests ("app:1@sha256:...") stay.
 */
void secret_hide(char *sentence);

#endif
