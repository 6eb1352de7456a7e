// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/unique_fd.h"

#include <unistd.h>

namespace hvlab {

void UniqueFd::reset(int fd) {
    // The result of close() is of no use here: on Linux the descriptor is gone even when it fails
    // with EINTR or EIO. Writers that care about EIO call fsync() first.
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

}  // namespace hvlab
