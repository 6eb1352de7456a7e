// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace hvlab::sim {

// As engine/logarithm.h: ours, so that a run is the same on every processor.

// e to the power x, to 4e-16 of the result; 0 below -700, and what it is at 700 above that.
double exponential_of(double x);
// The sine of a number of whole turns, to 1e-14; |turns| below 2^31.
double sine_of_turns(double turns);

}  // namespace hvlab::sim
