// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <utility>

namespace hvlab {

// A wire from a device's output pin to whatever listens: an interrupt controller's input, the
// vCPU's INTR. Remembers its level and tells the listener of changes only.
class InterruptLine {
public:
    using Listener = std::function<void(bool level)>;

    InterruptLine() = default;
    explicit InterruptLine(Listener listener) : listener_(std::move(listener)) {}

    void connect(Listener listener) { listener_ = std::move(listener); }

    void set(bool level) {
        if (level == level_) return;
        level_ = level;
        if (listener_) listener_(level);
    }
    void raise() { set(true); }
    void lower() { set(false); }
    // A pulse: high, then low; what an edge-triggered input latches.
    void pulse() {
        set(false);
        set(true);
        set(false);
    }

    bool level() const { return level_; }
    // Restores the level of a loaded state without telling the listener, whose state is loaded as
    // well.
    void restore(bool level) { level_ = level; }

private:
    Listener listener_;
    bool level_ = false;
};

}  // namespace hvlab
