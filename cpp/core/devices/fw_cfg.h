// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/bus/device.h"

namespace hvlab {

// What the host tells a firmware that was written for QEMU (QEMU: docs/specs/fw_cfg.rst): named
// files and a few numbers, read byte by byte. Port 0x510 selects, 0x511 reads. There is no DMA.
class FwCfg final : public Device {
public:
    static constexpr std::uint64_t kPort = 0x510;
    static constexpr std::uint64_t kSize = 2;
    static constexpr std::size_t kMaxNameLength = 55;

    struct File {
        std::string name;
        std::vector<std::byte> content;
    };

    // Names of at most kMaxNameLength bytes, contents below 4 GiB, at most 1000 files (asserted).
    explicit FwCfg(std::vector<File> files);

    std::string_view name() const override { return "fw-cfg"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    using Bytes = std::vector<std::byte>;

    std::byte next();

    std::map<std::uint16_t, Bytes> items_;
    std::uint16_t selected_ = 0;
    std::uint32_t position_ = 0;  // in the selected item; what is not there reads as zeros
};

}  // namespace hvlab
