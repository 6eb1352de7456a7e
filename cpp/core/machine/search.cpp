// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/search.h"

#include "core/base/status.h"

namespace hvlab {

void Search::await(const Awaited& event, std::size_t index) {
    HVLAB_ASSERT(!begun_);
    switch (event.place) {
        case Awaited::Place::kConsole:
            console_.await(*event.pattern, index);
            return;
        case Awaited::Place::kScreen:
            screen_.await(*event.pattern, index);
            return;
        case Awaited::Place::kPort:
            ports_.emplace_back(event.port, index);
            return;
    }
}

bool Search::begin(Nanoseconds now) {
    if (begun_) return false;
    begun_ = true;
    const bool printed = console_.begin_search();
    return screen_.begin(now) || printed;
}

void Search::end() {
    console_.end_search();
    screen_.end();
    ports_.clear();
    port_write_.reset();
    begun_ = false;
}

bool Search::port_written(std::uint16_t port, unsigned width, std::uint32_t value,
                          Nanoseconds now) {
    if (port_write_) return false;
    for (const auto& [pattern, index] : ports_) {
        if (!pattern.matches(port, width, value)) continue;
        // What the same write completed on the console or the screen has the same time, even where
        // guest time is the host's.
        const std::optional<Happened> same = happened(false);
        const Nanoseconds time = same ? same->time : now;
        port_write_ = {{.port = port, .width = width, .value = value, .time = time}, index};
        return !same;
    }
    return false;
}

std::optional<Happened> Search::happened(bool final) {
    std::optional<Happened> first;
    const auto consider = [&first](const std::optional<Happened>& candidate) {
        if (candidate && (!first || candidate->before(*first))) first = candidate;
    };
    consider(console_.found(final));
    consider(screen_.found());
    if (port_write_) consider(Happened{port_write_->second, port_write_->first.time});
    return first;
}

void Search::take(Stop& stop) {
    const std::optional<Happened> first = happened(false);
    HVLAB_ASSERT(first);
    stop.event = first->index;
    if (port_write_ && port_write_->second == first->index) {
        stop.port_write = port_write_->first;
    } else if (const auto on_screen = screen_.found();
               on_screen && on_screen->index == first->index) {
        stop.match = screen_.take();
    } else {
        stop.match = console_.take();
    }
}

}  // namespace hvlab
