// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/ram_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace hvlab {
namespace {

using testing::ElementsAre;

// What a backend would have been told, with overlaps refused as a backend refuses them.
class FakeVm : public Vm {
public:
    struct Piece {
        GuestAddress address = 0;
        std::uint64_t size = 0;
        const std::byte* host = nullptr;
        bool writable = false;
        bool operator==(const Piece&) const = default;
    };

    void map_memory(GuestAddress address, std::span<std::byte> host, bool writable) override {
        for (const auto& [start, piece] : pieces) {
            ASSERT_TRUE(address + host.size() <= start || start + piece.size <= address);
        }
        ++calls;
        pieces[address] = {address, host.size(), host.data(), writable};
    }
    void unmap_memory(GuestAddress address, std::uint64_t size) override {
        ASSERT_EQ(pieces.at(address).size, size);
        ++calls;
        pieces.erase(address);
    }
    void set_dirty_logging(bool) override {}
    void fetch_and_clear_dirty(PageBitmap& into) override {
        for (const std::uint64_t page : dirty) into.set(page);
        dirty.clear();
    }
    void host_wrote(GuestAddress, std::uint64_t) override {}
    std::unique_ptr<Vcpu> create_vcpu(unsigned, VcpuHandler&) override { return nullptr; }

    std::vector<Piece> list() const {
        std::vector<Piece> result;
        for (const auto& [start, piece] : pieces) result.push_back(piece);
        return result;
    }

    std::map<GuestAddress, Piece> pieces;
    std::vector<std::uint64_t> dirty;  // pages, for the next fetch
    unsigned calls = 0;                // that mapped or unmapped
};

class RamMapTest : public testing::Test {
protected:
    FakeVm::Piece ram(GuestAddress start, GuestAddress end) {
        return {start, end - start, memory_.host_bytes(start, 1).data(), true};
    }
    FakeVm::Piece rom(GuestAddress start, std::uint64_t size) {
        return {start, size, rom_.data(), false};
    }

    FakeVm vm_;
    GuestMemory memory_{3 * kMiB};
    RamMap map_{vm_, memory_};
    std::vector<std::byte> rom_ = std::vector<std::byte>(0x40000);
};

TEST_F(RamMapTest, RamAroundTheVideoWindow) {
    EXPECT_THAT(vm_.list(), ElementsAre(ram(0, 0xA0000), ram(0xC0000, 3 * kMiB)));
}

TEST_F(RamMapTest, CoversHideRamAndGiveItBack) {
    map_.cover(0xF0000, std::span(rom_).first(0x10000));
    map_.cover(0xFFFF0000, std::span(rom_).first(0x10000));
    map_.cover(0x0, std::span(rom_).first(0x1000));
    map_.cover(3 * kMiB - 0x1000, std::span(rom_).first(0x1000));
    EXPECT_THAT(vm_.list(), ElementsAre(rom(0, 0x1000), ram(0x1000, 0xA0000), ram(0xC0000, 0xF0000),
                                        rom(0xF0000, 0x10000), ram(0x100000, 3 * kMiB - 0x1000),
                                        rom(3 * kMiB - 0x1000, 0x1000), rom(0xFFFF0000, 0x10000)));
    map_.uncover(0x0);
    map_.uncover(0xFFFF0000);
    map_.uncover(3 * kMiB - 0x1000);
    map_.uncover(0xF0000);
    EXPECT_THAT(vm_.list(), ElementsAre(ram(0, 0xA0000), ram(0xC0000, 3 * kMiB)));
}

TEST_F(RamMapTest, ACoverMayReachOverTheEdgesOfRam) {
    map_.cover(0x90000,
               std::span(rom_).first(0x40000));  // all of the window and some on both sides
    EXPECT_THAT(vm_.list(),
                ElementsAre(ram(0, 0x90000), rom(0x90000, 0x40000), ram(0xD0000, 3 * kMiB)));
}

TEST_F(RamMapTest, WithoutA20TheFirstMiBIsThereTwice) {
    const auto alias = [](FakeVm::Piece piece) {
        piece.address += RamMap::kA20;
        return piece;
    };
    EXPECT_EQ(map_.through_a20(0x1A0000), 0x1A0000u);
    map_.set_a20(false);
    EXPECT_THAT(vm_.list(), ElementsAre(ram(0, 0xA0000), ram(0xC0000, kMiB), alias(ram(0, 0xA0000)),
                                        alias(ram(0xC0000, kMiB)), ram(2 * kMiB, 3 * kMiB)));
    EXPECT_EQ(map_.through_a20(0x1A0000), 0xA0000u);
    EXPECT_EQ(map_.through_a20(0x200000), 0x200000u);
    EXPECT_EQ(map_.through_a20(0xFFFFF), 0xFFFFFu);
    map_.cover(0xF0000, std::span(rom_).first(0x10000));
    map_.cover(0x180000, std::span(rom_).subspan(0x10000, 0x1000));
    EXPECT_THAT(vm_.list(),
                ElementsAre(ram(0, 0xA0000), ram(0xC0000, 0xF0000), rom(0xF0000, 0x10000),
                            alias(ram(0, 0xA0000)), alias(ram(0xC0000, 0xF0000)),
                            alias(rom(0xF0000, 0x10000)), ram(2 * kMiB, 3 * kMiB)));
    map_.set_a20(true);
    map_.uncover(0x180000);
    EXPECT_THAT(vm_.list(),
                ElementsAre(ram(0, 0xA0000), ram(0xC0000, 0xF0000), rom(0xF0000, 0x10000),
                            ram(kMiB, 2 * kMiB), ram(2 * kMiB, 3 * kMiB)));
}

TEST_F(RamMapTest, OnlyWhatChangesIsMappedAnew) {
    map_.set_a20(false);
    const unsigned before = vm_.calls;
    map_.cover(0x300000, std::span(rom_).first(0x1000));
    EXPECT_EQ(vm_.calls - before, 1u);
    map_.uncover(0x300000);
    map_.set_a20(false);
    EXPECT_EQ(vm_.calls - before, 2u);
    map_.set_a20(true);
    EXPECT_EQ(vm_.calls - before, 2u + 4u) << "two aliases and a piece of RAM for a larger one";
}

TEST_F(RamMapTest, TheDirtyLogOutlivesTheMap) {
    PageBitmap dirty(page_index(memory_.end()));
    const auto fetch = [&] {
        dirty.clear();
        map_.fetch_and_clear_dirty(dirty);
        std::vector<std::uint64_t> pages;
        dirty.for_each([&](std::uint64_t page) { pages.push_back(page); });
        return pages;
    };
    vm_.dirty = {1};
    EXPECT_THAT(fetch(), ElementsAre()) << "logging is off";
    map_.set_dirty_logging(true);
    vm_.dirty = {5, 0x180};
    map_.set_a20(false);
    vm_.dirty = {0x107, 8};  // the first is an alias
    map_.set_a20(true);
    vm_.dirty = {0x109};
    EXPECT_THAT(fetch(), ElementsAre(5, 7, 8, 0x109, 0x180));
    EXPECT_THAT(fetch(), ElementsAre());
    map_.set_dirty_logging(false);
    vm_.dirty = {1};
    EXPECT_THAT(fetch(), ElementsAre());
}

TEST_F(RamMapTest, CoversOnCoversAreAnError) {
    map_.cover(0xF0000, std::span(rom_).first(0x10000));
    EXPECT_DEATH(map_.cover(0xFF000, std::span(rom_).first(0x2000)), "ram_map.cpp");
    EXPECT_DEATH(map_.cover(0xEF000, std::span(rom_).first(0x2000)), "ram_map.cpp");
    EXPECT_DEATH(map_.cover(0xE0001, std::span(rom_).first(0x1000)), "ram_map.cpp");
    EXPECT_DEATH(map_.uncover(0xE0000), "ram_map.cpp");
}

}  // namespace
}  // namespace hvlab
