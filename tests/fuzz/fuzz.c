/* A libFuzzer target for one property, named by -DPROPERTY=. */
#include <stdlib.h>

#include "../property/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (PROPERTY(data, size))
		abort();
	return 0;
}
