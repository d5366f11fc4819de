// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/potential.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <sstream>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/kernels/coupling.h"
#include "almlip/kernels/sigma.h"

namespace almlip {

namespace {

using Couplings = std::vector<std::array<int, 3>>;

/// Couplings of a name or a list; checks all but lmax.
Couplings parse_couplings(const std::string &four_body, const std::string &where)
{
  if (four_body == "none") return {};
  if (four_body == "b3") return couplings::b3::list();
  if (four_body == "c4") return couplings::c4::list();
  if (four_body == "d4") return couplings::d4::list();
  Couplings found;
  std::istringstream words(four_body);
  for (std::string word; words >> word;) {
    require(
        word.size() == 3 && word.find_first_not_of("0123456") == std::string::npos, where,
        ": \"four_body\" is \"", four_body,
        "\", but \"b3\", \"c4\", \"d4\", \"none\" or couplings l1 l2 L such as \"112 222 123\" are "
        "allowed");
    const std::array<int, 3> coupling = {word[0] - '0', word[1] - '0', word[2] - '0'};
    const auto [l1, l2, l] = coupling;
    require((l1 + l2 + l) % 2 == 0 && l1 <= l2 && l2 - l1 <= l && l <= l1 + l2, where,
            ": \"four_body\" holds \"", word,
            "\", but a coupling l1 l2 L needs l1 <= l2, l2 - l1 <= L <= l1 + l2 and an even sum");
    require(std::find(found.begin(), found.end(), coupling) == found.end(), where,
            ": \"four_body\" holds \"", word, "\" twice");
    found.push_back(coupling);
  }
  require(!found.empty(), where, ": \"four_body\" is empty; write \"none\" for no couplings");
  return found;
}

}    // namespace

int ModelSettings::num_descriptors() const
{
  const int pairs = num_channels * (num_channels + 1) / 2;
  const int terms = partners == "all" ? num_channels * num_channels : num_channels;
  return num_channels + lmax * pairs + static_cast<int>(couplings().size()) * terms;
}

std::vector<std::array<int, 3>> ModelSettings::couplings() const
{
  return parse_couplings(four_body, "the settings of the model");
}

int ModelSettings::element_index(const std::string &symbol) const
{
  const auto found = std::find(elements.begin(), elements.end(), symbol);
  return found == elements.end() ? -1 : static_cast<int>(found - elements.begin());
}

void validate(const ModelSettings &settings, const std::string &where)
{
  const auto in_range = [&](const char *key, int value, int low, int high) {
    require(value >= low && value <= high, where, ": \"", key, "\" is ", value, ", but ", low,
            " to ", high, " are allowed");
  };
  require(!settings.elements.empty(), where, ": \"elements\" is empty; name at least one");
  for (std::size_t e = 0; e < settings.elements.size(); ++e) {
    const std::string &symbol = settings.elements[e];
    require(atomic_number(symbol) > 0, where, ": \"elements\" holds \"", symbol,
            "\", which is not a chemical element");
    require(settings.element_index(symbol) == static_cast<int>(e), where, ": \"elements\" holds ",
            symbol, " twice");
  }
  require(settings.cutoff > 0.0 && settings.cutoff <= 20.0, where, ": \"cutoff\" is ",
          settings.cutoff, " Angstrom, but it must be positive and 20 at most");
  in_range("num_channels", settings.num_channels, 1, ModelSettings::max_channels);
  in_range("num_radial", settings.num_radial, 4, ModelSettings::max_radial);
  in_range("num_hidden", settings.num_hidden, 1, 1024);
  in_range("num_members", settings.num_members, 1, 64);
  require(settings.partners == "all" || settings.partners == "same", where, ": \"partners\" is \"",
          settings.partners, "\", but \"all\" and \"same\" are allowed");
  int min_lmax = 0;
  for (const std::array<int, 3> &coupling : parse_couplings(settings.four_body, where))
    min_lmax = std::max({min_lmax, coupling[1], coupling[2]});
  require(settings.lmax >= min_lmax && settings.lmax <= ModelSettings::max_lmax, where,
          ": \"lmax\" is ", settings.lmax, ", but the couplings \"", settings.four_body, "\" need ",
          min_lmax, " to ", ModelSettings::max_lmax);
}

Calibration no_calibration(int num_elements)
{
  Calibration calibration;
  calibration.factor.assign(static_cast<std::size_t>(num_elements), 1.0);
  calibration.exponent = calibration.factor;
  return calibration;
}

double calibrated_sigma(const Calibration &calibration, int element, double spread)
{
  return sigma_of_spread(calibration.factor[element], calibration.exponent[element], spread);
}

Potential read_potential(const std::string &path) { return parse_potential(read_text(path), path); }

void write_potential(const std::string &path, const Potential &potential)
{
  write_atomically(path, to_json(potential));
}

std::string content_hash(const std::string &text)
{
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211u;
  }
  constexpr const char *digits = "0123456789abcdef";
  std::string hex(16, '0');
  for (int d = 15; d >= 0; --d, hash >>= 4) hex[d] = digits[hash & 15];
  return hex;
}

}    // namespace almlip
