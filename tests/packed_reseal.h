/* Make the checksums of a packed file right again after its bytes were changed, so that what lies behind them is tried. */
#ifndef TESTS_PACKED_RESEAL_H
#define TESTS_PACKED_RESEAL_H

#include <stddef.h>

/* n bytes at p; as far as its head allows. */
void packed_reseal(char *p, size_t n);

#endif
