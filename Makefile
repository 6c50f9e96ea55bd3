# SPDX-License-Identifier: MIT
ROOT := .
include common/mk/config.mk
include common/mk/compile.mk
include common/mk/unit.mk
