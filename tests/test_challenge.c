#include "check.h"
#include "oci/challenge.h"

static void challenges_are_read(void **state)
{
	static const struct {
		const char *header;
		enum challenge_type type;
		const char *realm, *service, *scope;
	} rows[] = {
		/* the example of the distribution project's token specification */
		{ "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:samalba/"
		  "my-app:pull,push\"",
		  CHALLENGE_BEARER, "https://auth.docker.io/token", "registry.docker.io",
		  "repository:samalba/my-app:pull,push" },
		{ "Basic realm=\"basic-realm\"", CHALLENGE_BASIC, "basic-realm", "", "" },
		{ "basic realm=x", CHALLENGE_BASIC, "x", "", "" },
		{ "BEARER REALM=\"x\" , Service=\"a \\\"b\\\"\"", CHALLENGE_BEARER, "x", "a \"b\"", "" },
		{ "Basic realm=\"a\", Bearer realm=\"b\",service=\"c\"", CHALLENGE_BEARER, "b", "c", "" },
		{ "Bearer realm=\"b\",service=\"c\", Basic realm=\"a\"", CHALLENGE_BEARER, "b", "c", "" },
		{ "Negotiate, Basic realm=\"a\"", CHALLENGE_BASIC, "a", "", "" },
		{ "Digest realm=\"a\", nonce=\"b\"", CHALLENGE_OTHER, "a", "", "" },
		{ "Bearer realm=http://x/token,service=y", CHALLENGE_BEARER, "http://x/token", "y", "" },
		{ "Bearer", CHALLENGE_BEARER, "", "", "" },
		{ "Bearer realm=\"never ends", CHALLENGE_BEARER, "never ends", "", "" },
		{ "Bearer realm=\"x\\", CHALLENGE_BEARER, "x\\", "", "" },
		{ "", CHALLENGE_NONE, "", "", "" },
		{ "=,=,\"", CHALLENGE_NONE, "", "", "" },
		{ "realm=\"x\"", CHALLENGE_OTHER, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct challenge c = challenge_parse(&a, rows[i].header);

		if (c.type != rows[i].type || strcmp(c.realm, rows[i].realm) != 0 ||
		    strcmp(c.service, rows[i].service) != 0 || strcmp(c.scope, rows[i].scope) != 0)
			fail_msg("'%s': type %d, realm '%s', service '%s', scope '%s'", rows[i].header, (int)c.type,
				 c.realm, c.service, c.scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(challenges_are_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
