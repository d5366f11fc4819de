// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/surroundings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "almlip/error.h"

namespace almlip {

namespace {

using Vector = std::array<double, 3>;
using Image = std::array<int, 3>;

constexpr double min_allowed_distance = 1e-3;    // Angstrom
constexpr double min_allowed_height = 1e-3;      // Angstrom, between two faces of a periodic cell
constexpr double max_coordinate = 1e5;           // Angstrom; images are counted in int
constexpr double max_neighbors = 1e5;            // of one atom; beyond that the cell is nonsense

bool is_zero(const Image &n) { return n[0] == 0 && n[1] == 0 && n[2] == 0; }

Vector cross(const Vector &a, const Vector &b)
{
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector &a, const Vector &b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector minus(const Vector &a, const Vector &b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Vector scaled(const Vector &a, double factor)
{
  return {a[0] * factor, a[1] * factor, a[2] * factor};
}

Vector unit(const Vector &a) { return scaled(a, 1.0 / std::sqrt(dot(a, a))); }

/// A unit vector perpendicular to `a`.
Vector perpendicular_to(const Vector &a)
{
  Vector axis{};
  const auto smallest = std::min_element(
      a.begin(), a.end(), [](double x, double y) { return std::abs(x) < std::abs(y); });
  axis[smallest - a.begin()] = 1.0;
  return unit(cross(a, axis));
}

/// Three independent vectors: the cell vectors that are periodic, unit vectors perpendicular to
/// them for the rest, so that nothing is asked of the cell vectors of open directions.
struct Basis {
  std::array<Vector, 3> rows{};
  std::array<Vector, 3> inverse{};    ///< fraction along row d = dot(inverse[d], x)
  Vector height{};                    ///< distance of the two faces crossed by row d, Angstrom

  explicit Basis(const Frame &frame);
};

void complete(std::array<Vector, 3> &rows, const std::array<bool, 3> &pbc)
{
  const int num_periodic = pbc[0] + pbc[1] + pbc[2];
  if (num_periodic == 0) rows = {Vector{1, 0, 0}, Vector{0, 1, 0}, Vector{0, 0, 1}};
  if (num_periodic == 1) {
    const int d = pbc[0] ? 0 : pbc[1] ? 1 : 2;
    const int e = (d + 1) % 3, f = (d + 2) % 3;
    rows[e] = perpendicular_to(rows[d]);
    rows[f] = unit(cross(rows[d], rows[e]));
  }
  if (num_periodic == 2) {
    const int open = !pbc[0] ? 0 : !pbc[1] ? 1 : 2;
    rows[open] = unit(cross(rows[(open + 1) % 3], rows[(open + 2) % 3]));
  }
}

Basis::Basis(const Frame &frame)
{
  for (int d = 0; d < 3; ++d)
    if (frame.pbc[d]) rows[d] = {frame.cell[3 * d], frame.cell[3 * d + 1], frame.cell[3 * d + 2]};
  complete(rows, frame.pbc);

  const double determinant = dot(rows[0], cross(rows[1], rows[2]));
  for (int d = 0; d < 3; ++d) {
    const Vector face = cross(rows[(d + 1) % 3], rows[(d + 2) % 3]);
    inverse[d] = scaled(face, 1.0 / determinant);
    height[d] = std::abs(determinant) / std::sqrt(dot(face, face));
    // written so that a height of NaN, from vectors that are parallel, fails as well
    require(height[d] >= min_allowed_height, frame.source,
            ": the periodic cell has no volume; give three cell vectors that are independent, or "
            "set pbc=F along the open directions");
  }
}

/// Atoms sorted into bins that are at least half a cutoff wide.
class Bins {
 public:
  Bins(const Frame &frame, double cutoff);

  /// Calls visit(i, j, image, distance) for every atom i and every j (itself through an image
  /// included) within the cutoff; j is at positions[j] + image . cell.
  template <class Visit>
  void for_each_pair(Visit &&visit) const;

 private:
  void choose_numbers(const Vector &extent);
  void sort_atoms();
  int bin_of(int d, double fraction) const;
  double fraction(int i, int d) const;
  Vector wrapped(int i) const;

  /// Bins first to end - 1 of a direction, in the cell or in an image of it.
  struct Stop {
    int first, end, image;
    Vector offset;    ///< of the image, Angstrom
  };
  std::vector<std::vector<Stop>> stops_of(int d) const;
  template <class Visit>
  void visit_bins(int i, int first, int end, const Image &image, const Vector &origin,
                  Visit &visit) const;

  const Frame &frame_;
  double cutoff_;
  Basis basis_;
  Vector low_{};      ///< least coordinate of an open direction, 0 of a periodic one
  Vector width_{};    ///< of a bin, as fraction of the row
  Image num_bins_{}, reach_{};
  std::vector<Image> home_;     ///< bin of atom i
  std::vector<Image> shift_;    ///< cells that atom i is away from the first one
  std::vector<int> first_, atoms_;
  std::vector<Vector> wrapped_;    ///< position in the first cell, in the order of atoms_
};

double Bins::fraction(int i, int d) const
{
  const double *x = &frame_.positions[3 * i];
  return dot(basis_.inverse[d], {x[0], x[1], x[2]});
}

int Bins::bin_of(int d, double fraction) const
{
  return std::clamp(static_cast<int>((fraction - low_[d]) / width_[d]), 0, num_bins_[d] - 1);
}

Bins::Bins(const Frame &frame, double cutoff) : frame_(frame), cutoff_(cutoff), basis_(frame)
{
  const int num_atoms = frame.num_atoms();
  for (int i = 0; i < 3 * num_atoms; ++i)
    require(std::abs(frame.positions[i]) < max_coordinate, frame.source, ": atom ", i / 3 + 1,
            " is at ", frame.positions[i], " Angstrom, but coordinates must be finite and below ",
            max_coordinate);
  if (frame.pbc[0] && frame.pbc[1] && frame.pbc[2]) {
    const double num_near = num_atoms / frame.volume() * 4.19 * cutoff * cutoff * cutoff;
    require(num_near < max_neighbors, frame.source, ": ", num_atoms, " atoms in a cell of ",
            frame.volume(), " Angstrom^3 are too dense; check Lattice and its unit (Angstrom)");
  }

  Vector extent{1.0, 1.0, 1.0};
  for (int d = 0; d < 3; ++d) {
    if (frame.pbc[d]) continue;
    double high = -std::numeric_limits<double>::infinity();
    low_[d] = std::numeric_limits<double>::infinity();
    for (int i = 0; i < num_atoms; ++i) {
      low_[d] = std::min(low_[d], fraction(i, d));
      high = std::max(high, fraction(i, d));
    }
    extent[d] = std::max(high - low_[d], cutoff);
  }
  choose_numbers(extent);
  sort_atoms();
}

void Bins::choose_numbers(const Vector &extent)
{
  constexpr int max_per_direction = 1000;
  for (int d = 0; d < 3; ++d) {
    const double bins = extent[d] * basis_.height[d] / (0.5 * cutoff_ * (1.0 + 1e-9));
    num_bins_[d] = static_cast<int>(std::clamp(bins, 1.0, double(max_per_direction)));
  }
  // few atoms far apart, as in a gas, must not need more bins than atoms
  const double max_bins = 8.0 + 4.0 * frame_.num_atoms();
  while (double(num_bins_[0]) * num_bins_[1] * num_bins_[2] > max_bins) {
    int &most = *std::max_element(num_bins_.begin(), num_bins_.end());
    most = (most + 1) / 2;
  }
  for (int d = 0; d < 3; ++d) {
    width_[d] = extent[d] / num_bins_[d];
    reach_[d] = static_cast<int>(std::ceil(cutoff_ / (width_[d] * basis_.height[d])));
    if (!frame_.pbc[d]) reach_[d] = std::min(reach_[d], num_bins_[d] - 1);
  }
}

void Bins::sort_atoms()
{
  const int num_atoms = frame_.num_atoms();
  home_.resize(num_atoms);
  shift_.resize(num_atoms);
  std::vector<int> bin(num_atoms);
  first_.assign(num_bins_[0] * num_bins_[1] * num_bins_[2] + 1, 0);
  for (int i = 0; i < num_atoms; ++i) {
    for (int d = 0; d < 3; ++d) {
      const double f = fraction(i, d);
      shift_[i][d] = frame_.pbc[d] ? static_cast<int>(std::floor(f)) : 0;
      home_[i][d] = bin_of(d, f - shift_[i][d]);
    }
    bin[i] = (home_[i][0] * num_bins_[1] + home_[i][1]) * num_bins_[2] + home_[i][2];
    ++first_[bin[i] + 1];
  }
  for (std::size_t b = 1; b < first_.size(); ++b) first_[b] += first_[b - 1];
  atoms_.resize(num_atoms);
  std::vector<int> next(first_.begin(), first_.end() - 1);
  for (int i = 0; i < num_atoms; ++i) atoms_[next[bin[i]]++] = i;
  for (const int i : atoms_) wrapped_.push_back(wrapped(i));
}

Vector Bins::wrapped(int i) const
{
  Vector x;
  for (int d = 0; d < 3; ++d)
    x[d] = frame_.positions[3 * i + d] - shift_[i][0] * basis_.rows[0][d] -
           shift_[i][1] * basis_.rows[1][d] - shift_[i][2] * basis_.rows[2][d];
  return x;
}

template <class Visit>
void Bins::visit_bins(int i, int first, int end, const Image &image, const Vector &origin,
                      Visit &visit) const
{
  for (int a = first_[first]; a < first_[end]; ++a) {
    const Vector r{wrapped_[a][0] - origin[0], wrapped_[a][1] - origin[1],
                   wrapped_[a][2] - origin[2]};
    const double distance_squared = dot(r, r);
    if (distance_squared >= cutoff_ * cutoff_) continue;
    const int j = atoms_[a];
    Image n;
    for (int d = 0; d < 3; ++d) n[d] = image[d] + shift_[i][d] - shift_[j][d];
    if (i == j && is_zero(n)) continue;
    visit(i, j, n, std::sqrt(distance_squared));
  }
}

/// Bins within reach of every bin of one direction; an index beyond the cell is one of an image,
/// and open directions have none. Neighbours in the last direction, whose atoms are stored one
/// after the other, are one stop.
std::vector<std::vector<Bins::Stop>> Bins::stops_of(int d) const
{
  std::vector<std::vector<Stop>> stops(static_cast<std::size_t>(num_bins_[d]));
  for (int home = 0; home < num_bins_[d]; ++home)
    for (int index = home - reach_[d]; index <= home + reach_[d]; ++index) {
      const int image = static_cast<int>(std::floor(double(index) / num_bins_[d]));
      if (image != 0 && !frame_.pbc[d]) continue;
      const int bin = index - image * num_bins_[d];
      std::vector<Stop> &list = stops[home];
      if (d == 2 && !list.empty() && list.back().image == image)
        ++list.back().end;
      else
        list.push_back({bin, bin + 1, image, scaled(basis_.rows[d], image)});
    }
  return stops;
}

template <class Visit>
void Bins::for_each_pair(Visit &&visit) const
{
  const auto along_a = stops_of(0), along_b = stops_of(1), along_c = stops_of(2);
  for (int i = 0; i < frame_.num_atoms(); ++i) {
    const Vector x = wrapped(i);    // differences are taken from it, as seen from the image
    for (const Stop &a : along_a[home_[i][0]]) {
      const Vector from_a = minus(x, a.offset);
      for (const Stop &b : along_b[home_[i][1]]) {
        const Vector from_b = minus(from_a, b.offset);
        const int row = (a.first * num_bins_[1] + b.first) * num_bins_[2];
        for (const Stop &c : along_c[home_[i][2]])
          visit_bins(i, row + c.first, row + c.end, {a.image, b.image, c.image},
                     minus(from_b, c.offset), visit);
      }
    }
  }
}

struct Neighbor {
  int owner;
  Image image;

  bool operator<(const Neighbor &other) const
  {
    if (owner != other.owner) return owner < other.owner;
    for (int d = 0; d < 2; ++d)
      if (image[d] != other.image[d]) return image[d] < other.image[d];
    return image[2] < other.image[2];
  }
  bool operator==(const Neighbor &other) const
  {
    return owner == other.owner && image[0] == other.image[0] && image[1] == other.image[1] &&
           image[2] == other.image[2];
  }
  bool is_ghost() const { return !is_zero(image); }
};

/// Bins::for_each_pair for a cutoff and distances that make sense.
template <class Visit>
void visit_pairs(const Frame &frame, double cutoff, Visit &&visit)
{
  require(cutoff > 0.0, "neighbours: the cutoff is ", cutoff, " Angstrom, but it must be positive");
  Bins(frame, cutoff).for_each_pair([&](int i, int j, const Image &image, double distance) {
    require(distance >= min_allowed_distance, frame.source, ": atoms ", i + 1, " and ", j + 1,
            " are ", distance, " Angstrom apart, but at least ", min_allowed_distance,
            " is needed; remove one of them or check the cell");
    visit(i, j, image, distance);
  });
}

/// Neighbours of all atoms, one after the other, sorted by (owner, image).
std::vector<Neighbor> sorted_neighbors(const Frame &frame, double cutoff, std::vector<int> &first)
{
  // Seen from its neighbours an atom is their neighbour, and atoms come in order: so is every list,
  // but for the images of one owner.
  std::vector<std::pair<int, Neighbor>> seen;
  first.assign(frame.num_atoms() + 1, 0);
  visit_pairs(frame, cutoff, [&](int i, int j, const Image &image, double) {
    seen.push_back({j, {i, {-image[0], -image[1], -image[2]}}});
    ++first[j + 1];
  });
  for (int i = 0; i < frame.num_atoms(); ++i) first[i + 1] += first[i];

  std::vector<Neighbor> neighbors(seen.size());
  std::vector<int> next(first.begin(), first.end() - 1);
  for (const auto &[i, neighbor] : seen) neighbors[next[i]++] = neighbor;
  for (int i = 0; i < frame.num_atoms(); ++i) {
    const auto end = neighbors.begin() + first[i + 1];
    for (auto images = neighbors.begin() + first[i]; images != end;) {
      const auto other =
          std::find_if(images, end, [&](const Neighbor &n) { return n.owner != images->owner; });
      std::sort(images, other);
      images = other;
    }
  }
  return neighbors;
}

/// The images among the neighbours, each once, sorted by (owner, image).
class Ghosts {
 public:
  Ghosts(const std::vector<Neighbor> &neighbors, int num_atoms) : first_(num_atoms + 1, 0)
  {
    for (const Neighbor &n : neighbors)
      if (n.is_ghost()) ++first_[n.owner + 1];
    for (int i = 0; i < num_atoms; ++i) first_[i + 1] += first_[i];
    std::vector<Neighbor> all(static_cast<std::size_t>(first_[num_atoms]));
    std::vector<int> next(first_.begin(), first_.end() - 1);
    for (const Neighbor &n : neighbors)
      if (n.is_ghost()) all[next[n.owner]++] = n;
    for (int i = 0; i < num_atoms; ++i) {
      const auto begin = all.begin() + first_[i], end = all.begin() + first_[i + 1];
      std::sort(begin, end);
      first_[i] = static_cast<int>(list.size());
      list.insert(list.end(), begin, std::unique(begin, end));
    }
    first_[num_atoms] = static_cast<int>(list.size());
  }

  std::vector<Neighbor> list;

  int index_of(const Neighbor &ghost) const
  {
    const auto begin = list.begin();
    return static_cast<int>(
        std::lower_bound(begin + first_[ghost.owner], begin + first_[ghost.owner + 1], ghost) -
        begin);
  }

 private:
  std::vector<int> first_;    ///< by owner, into the list
};

}    // namespace

Surroundings find_surroundings(const Frame &frame, double cutoff)
{
  Surroundings result;
  result.num_atoms = frame.num_atoms();
  for (int i = 0; i < result.num_atoms; ++i) result.owner.push_back(i);

  const std::vector<Neighbor> neighbors = sorted_neighbors(frame, cutoff, result.first);
  const Ghosts ghosts(neighbors, result.num_atoms);
  for (const Neighbor &ghost : ghosts.list) {
    result.owner.push_back(ghost.owner);
    result.image.push_back(ghost.image);
  }
  move_to(frame, result);
  result.neighbors.reserve(neighbors.size());
  for (const Neighbor &n : neighbors)
    result.neighbors.push_back(n.is_ghost() ? result.num_atoms + ghosts.index_of(n) : n.owner);
  return result;
}

void move_to(const Frame &frame, Surroundings &surroundings)
{
  surroundings.positions = frame.positions;
  surroundings.positions.reserve(3 * surroundings.owner.size());
  for (std::size_t g = 0; g < surroundings.image.size(); ++g) {
    const Image &image = surroundings.image[g];
    const int owner = surroundings.owner[surroundings.num_atoms + g];
    for (int d = 0; d < 3; ++d)
      surroundings.positions.push_back(frame.positions[3 * owner + d] + image[0] * frame.cell[d] +
                                       image[1] * frame.cell[3 + d] + image[2] * frame.cell[6 + d]);
  }
}

void for_each_pair(const Frame &frame, double cutoff,
                   const std::function<void(int, int, double)> &visit)
{
  visit_pairs(frame, cutoff,
              [&](int i, int j, const Image &, double distance) { visit(i, j, distance); });
}

double least_distance(const Frame &frame, double reach)
{
  double least = reach;
  Bins(frame, reach).for_each_pair([&](int, int, const Image &, double distance) {
    least = std::min(least, distance);
  });
  return least;
}

}    // namespace almlip
