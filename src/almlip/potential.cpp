#include "almlip/potential.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/text_file.h"

namespace almlip {

namespace {

struct Couplings {
  int count, largest_l;
};

/// Four-body couplings of a name; count 0 if there is no such name.
Couplings couplings_of(const std::string &four_body)
{
  if (four_body == "b3") return {4, 3};
  if (four_body == "c4") return {9, 4};
  return {0, 0};
}

}    // namespace

int ModelSettings::num_descriptors() const
{
  const int pairs = num_channels * (num_channels + 1) / 2;
  const int terms = partners == "all" ? num_channels * num_channels : num_channels;
  return num_channels + lmax * pairs + couplings_of(four_body).count * terms;
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
  in_range("num_channels", settings.num_channels, 1, 64);
  in_range("num_radial", settings.num_radial, 1, 64);
  in_range("num_hidden", settings.num_hidden, 1, 1024);
  in_range("num_members", settings.num_members, 1, 64);
  const Couplings couplings = couplings_of(settings.four_body);
  require(couplings.count > 0, where, ": \"four_body\" is \"", settings.four_body,
          "\", but \"b3\" and \"c4\" are allowed");
  require(settings.partners == "all" || settings.partners == "same", where, ": \"partners\" is \"",
          settings.partners, "\", but \"all\" and \"same\" are allowed");
  require(settings.lmax >= couplings.largest_l && settings.lmax <= 8, where, ": \"lmax\" is ",
          settings.lmax, ", but the couplings \"", settings.four_body, "\" need ",
          couplings.largest_l, " to 8");
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
  const double power = std::pow(spread, calibration.exponent[element]);
  return spread > 0.0 ? std::max(spread, calibration.factor[element] * power) : spread;
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
