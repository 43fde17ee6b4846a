#!/bin/sh
# What the templates for CI systems run: is the lock current, build, push, say the digest.
#
#	CONDAIMG_ENVIRONMENT	what to build: a folder, an environment.yml, a lock (default: .)
#	CONDAIMG_IMAGE		where it is pushed: registry.example/team/app:1; or, with a ':' behind oci, docker-archive
#				and the like, where it is written
#	CONDAIMG_OPTIONS	more options for condaimg build, parted by spaces
#	CONDAIMG_LOCK		check: fail where the lock is not current; none: do not ask (default)
#	CONDAIMG_DIGEST_FILE	the digest is written there, too
#	CONDAIMG		the program (default: condaimg)
#
# Prints "image=..." and "digest=sha256:..."; on GitHub these are outputs of the step as well.
set -eu

environment=${CONDAIMG_ENVIRONMENT:-.}
image=${CONDAIMG_IMAGE:?where is the image to go}
condaimg=${CONDAIMG:-condaimg}

case ${CONDAIMG_LOCK:-none} in
check) "$condaimg" lock "$environment" --check ;;
none) ;;
*)
	echo "CONDAIMG_LOCK is '$CONDAIMG_LOCK', expected check or none" >&2
	exit 2
	;;
esac

case $image in
oci:* | oci-archive:* | docker-archive:* | docker://*) set -- --output "$image" ;;
*) set -- --push "$image" ;;
esac
# shellcheck disable=SC2086 # words are wanted
result=$("$condaimg" build "$environment" "$@" ${CONDAIMG_OPTIONS:-})
digest=${result##*@}

printf 'image=%s\ndigest=%s\n' "$result" "$digest"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
	printf 'image=%s\ndigest=%s\n' "$result" "$digest" >>"$GITHUB_OUTPUT"
fi
if [ -n "${CONDAIMG_DIGEST_FILE:-}" ]; then
	printf '%s' "$digest" >"$CONDAIMG_DIGEST_FILE"
fi
