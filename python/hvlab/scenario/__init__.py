# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: one YAML document each, checked whole, then run case by case.

The way of a document through this package, one module a station:

    source     the file's text (regular files only, 768 KiB at most)
    tree       the marked tree of the core -> plain data, and where each piece of it stood
    include    the steps of other files, in the place of each `include`
    matrix     the cells that the document asks for
    template   ${matrix.x} and ${var}
    model      what a scenario may say (pydantic); steps/ has one module a step
    explain    pydantic's errors -> problems with file:line:column and the nearest known name
    document   all of the above -> Document, with its cases, or ScenarioInvalid with every problem
    check      what no type can say: names, files, regular expressions, the order of steps
    expression `assert` and `measure`: parsed, walked with an allow-list, never evaluated by Python
    plan       files and selections -> the cases of one run
    reference  the models -> what `hvlab explain` prints, and the documentation's reference
    runner     cases -> CaseResults (results); case_run: the inside of one case; bounds: how far each
               step may run

Nothing is imported here, so that `hvlab --help` and pytest's start stay quick.
"""
