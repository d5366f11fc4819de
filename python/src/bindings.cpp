// SPDX-License-Identifier: GPL-2.0-or-later
// almlip._core: the core for Python. Arrays in, arrays out; what users see is in python/almlip.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/potential.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using almlip::Frame;

template <class Number, int... Shape>
using Input = nb::ndarray<const Number, nb::shape<Shape...>, nb::c_contig, nb::device::cpu>;

/// A NumPy array that owns its numbers.
nb::object array(std::vector<double> numbers, std::initializer_list<std::size_t> shape)
{
  auto *owned = new std::vector<double>(std::move(numbers));
  const nb::capsule owner(owned,
                          [](void *p) noexcept { delete static_cast<std::vector<double> *>(p); });
  return nb::cast(nb::ndarray<nb::numpy, double>(owned->data(), shape, owner));
}

nb::object array(const std::vector<int> &numbers)
{
  auto *owned = new std::vector<int>(numbers);
  const nb::capsule owner(owned,
                          [](void *p) noexcept { delete static_cast<std::vector<int> *>(p); });
  return nb::cast(nb::ndarray<nb::numpy, int>(owned->data(), {owned->size()}, owner));
}

/// ASE's stress, xx yy zz yz xz xy in eV/Angstrom^3, of a virial.
nb::object stress_of(const almlip::Tensor6 &virial, double volume)
{
  std::vector<double> stress;
  for (const int q : {0, 1, 2, 5, 4, 3}) stress.push_back(-virial[q] / volume);
  return array(std::move(stress), {6});
}

Frame frame_of(const Input<std::int64_t, -1> &numbers, const Input<double, -1, 3> &positions,
               const Input<double, 3, 3> &cell, const Input<bool, 3> &pbc, const std::string &name)
{
  almlip::require(numbers.shape(0) == positions.shape(0), name, ": ", numbers.shape(0),
                  " atomic numbers, but ", positions.shape(0), " positions");
  Frame frame;
  frame.atomic_numbers.assign(numbers.data(), numbers.data() + numbers.size());
  frame.positions.assign(positions.data(), positions.data() + positions.size());
  std::copy(cell.data(), cell.data() + 9, frame.cell.begin());
  std::copy(pbc.data(), pbc.data() + 3, frame.pbc.begin());
  frame.source = name;
  return frame;
}

/// What a file says about a frame, as arrays; absent results are left out.
nb::dict content_of(const Frame &frame)
{
  const std::size_t num_atoms = frame.atomic_numbers.size();
  nb::dict result;
  result["numbers"] = array(frame.atomic_numbers);
  result["positions"] = array(frame.positions, {num_atoms, 3});
  result["cell"] = array({frame.cell.begin(), frame.cell.end()}, {3, 3});
  result["pbc"] = nb::make_tuple(frame.pbc[0], frame.pbc[1], frame.pbc[2]);
  if (frame.energy) result["energy"] = *frame.energy;
  result["energy_keys"] = frame.energy_keys;
  if (!frame.forces.empty()) result["forces"] = array(frame.forces, {num_atoms, 3});
  if (frame.virial && frame.volume() > 0.0)
    result["stress"] = stress_of(*frame.virial, frame.volume());
  nb::dict info, arrays;
  nb::list text_columns;
  if (!frame.config_type.empty()) info["config_type"] = frame.config_type;
  for (const auto &[key, value] : frame.info) info[key.c_str()] = value;
  for (const auto &[key, values] : frame.per_atom) arrays[key.c_str()] = array(values, {num_atoms});
  for (const auto &[key, values] : frame.per_atom_vectors)
    arrays[key.c_str()] = array(values, {num_atoms, 3});
  for (const almlip::TextColumn &column : frame.text_columns)
    text_columns.append(
        nb::make_tuple(column.name, std::string(1, column.type), column.count, column.words));
  result["text_columns"] = text_columns;
  result["info"] = info;
  result["arrays"] = arrays;
  return result;
}

nb::list read_files(const std::vector<std::string> &paths,
                    const std::vector<std::string> &energy_keys,
                    const std::vector<std::string> &forces_keys,
                    const std::vector<std::string> &stress_keys, bool labels)
{
  almlip::ExtxyzNeeds needs;
  needs.labels = labels;
  needs.keys = {energy_keys, forces_keys, stress_keys};
  std::vector<Frame> frames;
  {
    const nb::gil_scoped_release others_may_run;
    almlip::ReadReport report;
    frames = almlip::read_extxyz(paths, needs, &report);
    if (labels) report.require_one_source(needs.keys);
  }
  nb::list result;
  for (const Frame &frame : frames) result.append(content_of(frame));
  return result;
}

/// almlip::Calculator for several Python threads, one at a time.
class SharedCalculator {
 public:
  SharedCalculator(const std::string &path, bool mixed, double skin)
      : calculator_(almlip::read_potential(path),
                    mixed ? almlip::Precision::mixed : almlip::Precision::full, skin)
  {
  }

  const almlip::Potential &potential() const { return calculator_.potential(); }
  int num_searches() const { return calculator_.num_searches(); }

  nb::dict predict(const Input<std::int64_t, -1> &numbers, const Input<double, -1, 3> &positions,
                   const Input<double, 3, 3> &cell, const Input<bool, 3> &pbc,
                   const std::string &name, bool members, bool novelty, bool descriptors,
                   bool energy_sigma)
  {
    const Frame frame = frame_of(numbers, positions, cell, pbc, name);
    almlip::FramePrediction prediction;
    std::vector<double> novelties;
    {
      const nb::gil_scoped_release others_may_run;
      const std::lock_guard<std::mutex> one_at_a_time(mutex_);
      prediction = calculator_.predict(frame, {members, novelty || descriptors || energy_sigma});
      if (novelty) novelties = almlip::novelties(prediction, frame, potential());
    }
    nb::dict result = results_of(prediction, std::move(novelties), frame.volume());
    if (descriptors) {
      const auto num_descriptors = static_cast<std::size_t>(potential().settings.num_descriptors());
      result["descriptors"] =
          array(std::move(prediction.descriptors), {numbers.size(), num_descriptors});
    }
    return result;
  }

 private:
  nb::dict results_of(almlip::FramePrediction &p, std::vector<double> novelties,
                      double volume) const
  {
    const std::size_t num_atoms = p.atom_energies.size(), num_members = p.member_energies.size();
    nb::dict result;
    result["energy"] = result["free_energy"] = p.energy;
    result["energies"] = array(std::move(p.atom_energies), {num_atoms});
    result["forces"] = array(std::move(p.forces), {num_atoms, 3});
    if (volume > 0.0) result["stress"] = stress_of(p.virial, volume);
    result["member_energies"] = array(std::move(p.member_energies), {num_members});
    if (!p.sigma.empty()) {
      result["sigma_max"] = *std::max_element(p.sigma.begin(), p.sigma.end());
      result["sigma"] = array(std::move(p.sigma), {num_atoms});
      result["member_forces"] = array(std::move(p.member_forces), {num_atoms, num_members, 3});
    }
    if (!std::isnan(p.energy_sigma)) result["energy_sigma"] = p.energy_sigma;
    if (!novelties.empty()) result["novelty"] = array(std::move(novelties), {num_atoms});
    return result;
  }

  almlip::Calculator calculator_;
  std::mutex mutex_;
};

}    // namespace

NB_MODULE(_core, m)
{
  m.doc() = "The core of ALMLIP: arrays in, arrays out. Units are eV and Angstrom.";
  m.attr("__version__") = ALMLIP_VERSION;
  nb::exception<almlip::Error>(m, "Error", PyExc_RuntimeError);

  m.def(
      "read", &read_files, "paths"_a, "energy_keys"_a = std::vector<std::string>(),
      "forces_keys"_a = std::vector<std::string>(), "stress_keys"_a = std::vector<std::string>(),
      "labels"_a = false,
      "Frames of extended XYZ files, each as a dictionary of arrays; with labels=True, labels that "
      "are ambiguous or of different keys are refused.");

  m.def("try_to_write", &almlip::try_to_write, "path"_a, "inputs"_a = std::vector<std::string>(),
        "Raises Error if a file cannot be written there, or is one of the inputs.");

  nb::class_<SharedCalculator>(m, "Calculator", "A potential that predicts frames.")
      .def(nb::init<const std::string &, bool, double>(), "path"_a, "mixed"_a, "skin"_a)
      .def("predict", &SharedCalculator::predict, "numbers"_a, "positions"_a, "cell"_a, "pbc"_a,
           "name"_a, "members"_a, "novelty"_a, "descriptors"_a = false, "energy_sigma"_a = false,
           "Energy, forces, stress if the cell has a volume, and what was asked for.")
      .def_prop_ro("elements",
                   [](const SharedCalculator &c) { return c.potential().settings.elements; })
      .def_prop_ro("cutoff",
                   [](const SharedCalculator &c) { return c.potential().settings.cutoff; })
      .def_prop_ro("num_members",
                   [](const SharedCalculator &c) { return c.potential().settings.num_members; })
      .def_prop_ro("has_novelty",
                   [](const SharedCalculator &c) { return !c.potential().novelty.empty(); })
      .def_prop_ro(
          "has_energy_sigma",
          [](const SharedCalculator &c) { return c.potential().energy_calibration.num_frames > 0; })
      .def_prop_ro("num_searches", &SharedCalculator::num_searches);
}
