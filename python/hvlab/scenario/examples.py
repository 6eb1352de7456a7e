# SPDX-License-Identifier: GPL-2.0-or-later
"""Examples of the sections of a scenario, by the name of their topic; a step's is in its model.

Each is one or more top-level keys, which stand in a document that boots the guest `echo`.
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "document": """\
schema: 1
name: hello
machine:
  memory: 1MiB
  boot: {flat: "fixture:hello"}
steps:
  - boot: {}
  - expect: {text: "Hello from the guest", within: 100ms}
""",
    "matrix": """\
matrix:
  memory: [1MiB, 64MiB]
  word: [alpha, beta]
  exclude: [{memory: 64MiB, word: beta}]
  include: [{memory: 1GiB, word: gamma}]
machine:
  memory: ${matrix.memory}
  boot: {flat: "fixture:echo"}
steps:
  - boot: {}
  - send: "${matrix.word}\\n"
  - expect: {text: "echo: ${matrix.word}", within: 1s}
""",
    "requires": """\
requires: {kvm: hardware}
machine:
  backend: kvm
  boot: {flat: "fixture:echo"}
""",
    "limits": "limits: {wall: 30s, time: 10s, instructions: 1000000000}\n",
    "machine": """\
machine:
  backend: unicorn
  memory: 64MiB
  unhandled: stop
  boot: {flat: "fixture:echo"}
""",
    "machine.devices": """\
machine:
  boot: {flat: "fixture:echo"}
  devices: [{type: dice, port: 0x300, irq: 5}]   # dice: a device of a plugin that is installed
""",
    "machine.boot.flat": 'machine:\n  boot: {flat: "fixture:echo", load_address: 0x7C00}\n',
    "machine.boot.elf": """\
machine:
  boot: {elf: "fixture:elf64"}
steps:
  - boot: {}
  - expect: {text: "elf64: ok", within: 1s}
""",
    "machine.boot.linux": """\
machine:
  memory: 256MiB
  boot: {linux: "fixture:linux", initrd: "fixture:busybox", cmdline: "console=ttyS0"}
steps:
  - boot: {}
  - expect: {text: "Linux version", within: 5s}
""",
    "machine.boot.multiboot": """\
machine:
  boot:
    multiboot: "fixture:multiboot"
    cmdline: quiet
    modules: [{path: "fixture:hello", cmdline: first}]
steps:
  - boot: {}
""",
    "machine.boot.multiboot.modules": """\
machine:
  boot:
    multiboot: "fixture:multiboot"
    modules:
      - {path: "fixture:hello", cmdline: "the first"}
      - {path: "fixture:echo"}
steps:
  - boot: {}
""",
    "machine.boot.pvh": """\
machine:
  boot: {pvh: "fixture:pvh", cmdline: quiet}
steps:
  - boot: {}
""",
    "machine.boot.micro": """\
machine:
  memory: 4MiB
  boot: {micro: "fixture:micro-echo"}
steps:
  - boot: {}
  - expect: {text: "ready", within: 1s}
""",
    "machine.boot.micro.ports": """\
machine:
  memory: 4MiB
  boot:
    micro: "fixture:micro-echo"
    ports:
      - {first: 0x20, last: 0x21}
      - {first: 0xA0, last: 0xA1}
      - {first: 0x3F8, last: 0x3FF}
steps:
  - boot: {}
  - expect: {text: "ready", within: 1s}
""",
    "machine.boot.disk": """\
machine:
  memory: 1MiB
  boot: {disk: "fixture:bios-disk"}
steps:
  - boot: {}
  - expect: {stop: debug-exit, code: 0, within: 1s}
""",
    "expect.port": """\
steps:
  - boot: {}
  - expect: {port: {port: 0x3F8, value: 0x72}, within: 1s, as: first}
  - assert: first.time < 1*ms
""",
    "expect.any_of": """\
steps:
  - boot: {}
  - expect:
      any_of:
        - {text: "ready"}
        - {text: "panic"}
        - {stop: triple-fault}
      within: 1s
      as: first
  - assert: first.index == 0
""",
    "expect.screen": """\
machine:
  memory: 1MiB
  boot: {disk: "fixture:bios-keys", mirror: false}
steps:
  - boot: {}
  - expect: {screen: "keys", within: 1s}
  - send: {text: "A", to: keyboard}
  - expect: {screen: {regex: '1e41'}, within: 1s}
""",
}
