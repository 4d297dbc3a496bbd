#include "engine/late_folder.h"

#include <stdatomic.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

enum state { STATE_NONE, STATE_WANTED, STATE_GIVEN };

struct shared {
	_Atomic int state; /* enum state; STATE_GIVEN: the bytes are there, and stay */
	size_t len;
	char bytes[LATE_FOLDER_MAX];
};

struct late_folder {
	struct shared *shared;
};

struct late_folder *late_folder_open(struct err *err)
{
	struct late_folder *self = os_calloc(1, sizeof(*self));
	if (!self) {
		err_no_memory(err);
		return NULL;
	}
	cleanup_fd int fd = os_memfd("comb-folder");
	if (fd >= 0 && os_ftruncate(fd, (off_t)sizeof(struct shared)) == 0)
		self->shared = os_mmap_shared(fd, sizeof(struct shared));
	if (self->shared)
		return self;
	err_set(err, ERR_ENVIRONMENT, "cannot make shared memory:");
	late_folder_close(self);
	return NULL;
}

void late_folder_close(struct late_folder *self)
{
	if (self && self->shared)
		os_munmap(self->shared, sizeof(struct shared));
	cleanup_free_pointer(&self);
}

void late_folder_want(struct late_folder *self)
{
	int none = STATE_NONE;
	atomic_compare_exchange_strong(&self->shared->state, &none, STATE_WANTED);
}

bool late_folder_is_wanted(const struct late_folder *self)
{
	return atomic_load(&self->shared->state) == STATE_WANTED;
}

int late_folder_give(struct late_folder *self, const char *bytes, size_t len, struct err *err)
{
	if (len > LATE_FOLDER_MAX)
		return err_set(err, ERR_INPUT, "a path of %zu bytes is too long", len);
	if (atomic_load(&self->shared->state) == STATE_GIVEN)
		return err_set(err, ERR_INPUT, "the folder was given before");
	memcpy(self->shared->bytes, bytes, len);
	self->shared->len = len;
	atomic_store(&self->shared->state, STATE_GIVEN);
	return 0;
}

const char *late_folder_given(const struct late_folder *self, size_t *len)
{
	if (atomic_load(&self->shared->state) != STATE_GIVEN)
		return NULL;
	*len = self->shared->len;
	return self->shared->bytes;
}
