# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from first principles: energies, forces and stresses of a batch of structures."""
