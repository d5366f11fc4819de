// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/elements.h"

#include <array>
#include <unordered_map>

#include "almlip/error.h"

namespace almlip {

namespace {

constexpr int num_known_elements = 118;

// Index is the atomic number; entry 0 is not an element.
const std::array<std::string, num_known_elements + 1> symbols = {
    "",   "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si",
    "P",  "S",  "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu",
    "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru",
    "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr",
    "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",
    "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac",
    "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf",
    "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

std::unordered_map<std::string, int> numbers_by_symbol()
{
  std::unordered_map<std::string, int> numbers;
  for (int z = 1; z <= num_known_elements; ++z) numbers[symbols[z]] = z;
  return numbers;
}

}    // namespace

int atomic_number(const std::string &symbol)
{
  static const auto numbers = numbers_by_symbol();
  const auto found = numbers.find(symbol);
  return found == numbers.end() ? 0 : found->second;
}

const std::string &chemical_symbol(int atomic_number)
{
  require(atomic_number >= 1 && atomic_number <= num_known_elements,
          "there is no element with atomic number ", atomic_number, "; 1 to ", num_known_elements,
          " are allowed");
  return symbols[atomic_number];
}

}    // namespace almlip
