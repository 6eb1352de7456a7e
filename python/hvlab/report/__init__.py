# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run leaves behind: text for a person, JUnit XML for a CI system, JSON for a program."""
