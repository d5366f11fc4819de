// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_settings.h"

#include "almlip_problem.h"

#include "error.h"
#include "platform.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/query/batch.h"
#include "almlip/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

using namespace LAMMPS_NS;

static constexpr std::array KEYWORDS = {"threshold", "measure", "strategy", "alpha",   "batch",
                                        "clusters",  "buffer",  "spacing",  "trigger", "gate",
                                        "before",    "known",   "spool",    "action",  "file",
                                        "trace",     "peratom", "seed"};

ALQuerySettings::ALQuerySettings(LAMMPS *lmp, int narg, char **arg)
    : Pointers(lmp), narg(narg), arg(arg)
{
  if (narg < 4) utils::missing_cmd_args(FLERR, "fix al_query", error);
  nevery = count("N", 3);
  int iarg = 4;
  while (iarg < narg) iarg = read_keyword(iarg);
  check();
}

bool ALQuerySettings::is_keyword(const char *word) const
{
  return std::any_of(KEYWORDS.begin(), KEYWORDS.end(),
                     [word](const std::string &keyword) { return keyword == word; });
}

/// What `read` returns; an error of the core is one of the input.
template <class Read>
auto ALQuerySettings::parsed(Read &&read)
{
  try {
    return read();
  } catch (const almlip::Error &problem) {
    error->all(FLERR, "fix al_query: " + std::string(problem.what()));
  }
}

/// Reads the keyword at `iarg` with its values; returns where the next one is.
int ALQuerySettings::read_keyword(int iarg)
{
  const std::string key = arg[iarg];
  keyword_at = iarg;
  if (key == "threshold") return read_threshold(iarg + 1);
  if (key == "gate") return read_gate(iarg + 1);
  if (key == "known") return read_known(iarg + 1);
  if (key == "spool") return read_spool(iarg + 1);
  if (key == "measure") {
    measure = parsed([&] { return almlip::parse_measure(value(iarg + 1)); });
  } else if (key == "before") {
    before = count("before", iarg + 1, 0);
  } else if (!read_selection(key, iarg + 1) && !read_output(key, iarg + 1)) {
    const std::vector<std::string> most(KEYWORDS.begin(), KEYWORDS.end() - 1);
    error->all(FLERR, "fix al_query: keyword '" + key + "' is unknown; it must be " +
                          almlip::joined(most) + " or " + KEYWORDS.back());
  }
  return iarg + 2;
}

/// Reads the value of a keyword about candidates and their choice; false if it is none of those.
bool ALQuerySettings::read_selection(const std::string &key, int iarg)
{
  if (key == "strategy") {
    selection.strategy = parsed([&] { return almlip::parse_strategy(value(iarg)); });
    strategy_given = true;
  } else if (key == "alpha")
    selection.alpha = nonnegative("alpha", iarg, "number from 0 to 1");
  else if (key == "batch")
    selection.batch = count("batch", iarg);
  else if (key == "clusters")
    selection.clusters = count("clusters", iarg);
  else if (key == "buffer")
    buffer = count("buffer", iarg);
  else if (key == "spacing")
    spacing = count("spacing", iarg);
  else if (key == "trigger")
    trigger =
        std::string(value(iarg)) == "end" ? AT_THE_END : count("trigger", iarg, 1, ", or end");
  else if (key == "seed")
    selection.seed = count("seed", iarg);
  else
    return false;
  return true;
}

/// Reads the value of a keyword about what the fix does and writes; false if it is none of those.
bool ALQuerySettings::read_output(const std::string &key, int iarg)
{
  if (key == "action") {
    const std::string action = value(iarg);
    if (action != "continue" && action != "soft")
      error->all(FLERR,
                 "fix al_query: action is '" + action + "', but it must be continue or soft");
    soft = action == "soft";
  } else if (key == "peratom") {
    const std::string kind = value(iarg);
    if (kind != "vector" && kind != "array")
      error->all(FLERR, "fix al_query: peratom is '" + kind + "', but it must be vector or array");
    array = kind == "array";
  } else if (key == "file") {
    prefix = value(iarg);
  } else if (key == "trace") {
    trace = value(iarg);
  } else {
    return false;
  }
  return true;
}

/// Reads what follows `threshold`: auto, none, adaptive and a share, or lo and hi.
int ALQuerySettings::read_threshold(int iarg)
{
  const std::string kind = value(iarg);
  if (kind == "auto" || kind == "none") {
    threshold = kind == "auto" ? Threshold::automatic : Threshold::none;
    return iarg + 1;
  }
  if (kind == "adaptive") {
    threshold = Threshold::adaptive;
    share = nonnegative("threshold adaptive", iarg + 1, "share of the looks between 0 and 1");
    if (share <= 0.0 || share >= 1.0)
      error->all(FLERR, fmt::format(
                            "fix al_query: threshold adaptive is {}, but it must be a share of the "
                            "looks between 0 and 1",
                            arg[iarg + 1]));
    return iarg + 2;
  }
  if (!is_keyword(kind.c_str()) && !utils::is_double(kind))
    error->all(FLERR, "fix al_query: threshold is '" + kind +
                          "', but it must be auto, none, adaptive and a share, or two numbers, lo "
                          "and hi");
  threshold = Threshold::given;
  lo = nonnegative("threshold lo", iarg);
  hi = nonnegative("threshold hi", iarg + 1);
  return iarg + 2;
}

/// Reads the pairs of name and number that follow `gate`.
int ALQuerySettings::read_gate(int iarg)
{
  const int first = iarg;
  while (iarg < narg) {
    const std::string name = arg[iarg];
    if (name == "mindist") {
      mindist = nonnegative("gate mindist", ++iarg);
      mindist_given = true;
    } else if (name == "fmax") {
      fmax = nonnegative("gate fmax", ++iarg);
      fmax_given = true;
    } else if (name == "temperature") {
      largest_temperature = nonnegative("gate temperature", ++iarg);
    } else if (name == "density") {
      least_density = nonnegative("gate density lo", ++iarg);
      largest_density = nonnegative("gate density hi", ++iarg);
    } else {
      break;
    }
    iarg++;
  }
  if (iarg == first)
    error->all(FLERR, "fix al_query: gate is followed by " +
                          (iarg < narg ? "'" + std::string(arg[iarg]) + "'" : "nothing") +
                          ", but it must be followed by mindist, fmax, density or temperature and "
                          "numbers");
  return iarg;
}

/// Reads the files and folders that follow `known`, up to the next keyword.
int ALQuerySettings::read_known(int iarg)
{
  value(iarg);
  while (iarg < narg && !is_keyword(arg[iarg])) known.push_back(arg[iarg++]);
  if (known.empty())
    error->all(FLERR, "fix al_query: known is followed by '" + std::string(arg[iarg]) +
                          "', but it must be followed by files or folders");
  return iarg;
}

/// Reads what follows `spool`: off, or a folder and its largest size.
int ALQuerySettings::read_spool(int iarg)
{
  spool_given = true;
  const std::string folder = value(iarg);
  if (folder == "off") return iarg + 1;
  if (iarg + 1 >= narg || is_keyword(arg[iarg + 1]))
    error->all(FLERR, "fix al_query: spool is '" + folder +
                          "', but it must be off, or a folder and its largest size in megabytes");
  spool = folder;
  megabytes = nonnegative("spool size", iarg + 1, "number of megabytes, 1 or more");
  if (megabytes < 1.0)
    error->all(FLERR,
               fmt::format("fix al_query: spool size is {}, but it must be at least 1 megabyte",
                           arg[iarg + 1]));
  return iarg + 2;
}

const char *ALQuerySettings::value(int iarg)
{
  if (iarg >= narg) missing(narg);
  return arg[iarg];
}

/// Names the keyword and the values that it has, up to `end`.
void ALQuerySettings::missing(int end)
{
  std::string found = arg[keyword_at];
  for (int i = keyword_at + 1; i < end; ++i) found += " " + std::string(arg[i]);
  error->all(FLERR, "fix al_query: a value is missing after '" + found + "'");
}

/// A value that must be a number, so that a keyword in its place tells that it is missing.
const char *ALQuerySettings::numeral(int iarg)
{
  if (is_keyword(value(iarg))) missing(iarg);
  return arg[iarg];
}

/// A whole number.
int ALQuerySettings::count(const char *name, int iarg, int least, const char *or_else)
{
  const char *text = numeral(iarg);
  if (!utils::is_integer(text))
    error->all(FLERR,
               fmt::format("fix al_query: {} is '{}', but it must be a whole number, {} or more{}",
                           name, text, least, or_else));
  const long long number = std::strtoll(text, nullptr, 10), most = std::numeric_limits<int>::max();
  if (number < least)
    error->all(FLERR, fmt::format("fix al_query: {} is {}, but it must be at least {}", name, text,
                                  least));
  if (number > most)
    error->all(FLERR,
               fmt::format("fix al_query: {} is {}, but it must be at most {}", name, text, most));
  return static_cast<int>(number);
}

double ALQuerySettings::nonnegative(const char *name, int iarg, const char *allowed)
{
  if (!utils::is_double(numeral(iarg)))
    error->all(FLERR, fmt::format("fix al_query: {} is '{}', but it must be a {}", name, arg[iarg],
                                  allowed));
  const double number = utils::numeric(FLERR, arg[iarg], false, lmp);
  if (!(number >= 0.0))
    error->all(FLERR, "fix al_query: " + std::string(name) + " is " + arg[iarg] +
                          ", but it must not be negative");
  return number;
}

/// What can only be said of all settings together.
void ALQuerySettings::check()
{
  if (!spool_given) spool = prefix + ".spool";
  check_threshold();
  if (selection.alpha > 1.0)
    error->all(FLERR,
               fmt::format("fix al_query: alpha is {}, but it must be 0 to 1", selection.alpha));
  if (selection.batch > buffer)
    error->all(
        FLERR,
        fmt::format("fix al_query: batch is {}, but it must not be more than buffer, which is {}",
                    selection.batch, buffer));
  if (trigger > buffer)
    error->all(FLERR,
               fmt::format(
                   "fix al_query: trigger is {}, but it must not be more than buffer, which is {}; "
                   "use trigger end to choose only when a run ends",
                   trigger, buffer));
  if (largest_density > 0.0 && largest_density <= least_density)
    error->all(FLERR, fmt::format("fix al_query: gate density is {} {}, but the first must be less "
                                  "than the second",
                                  least_density, largest_density));
  check_output();
}

void ALQuerySettings::check_threshold()
{
  if (threshold == Threshold::given && lo >= hi)
    error->all(
        FLERR,
        fmt::format("fix al_query: threshold is {} {}, but the first must be less than the second",
                    lo, hi));
  if (threshold == Threshold::adaptive && measure == almlip::Measure::novelty)
    error->all(FLERR,
               "fix al_query: threshold adaptive moves the lo of sigma, but measure is novelty; "
               "use measure force or any, or give threshold lo hi of novelty");
  if (threshold != Threshold::given && measure == almlip::Measure::energy)
    error->all(FLERR,
               "fix al_query: measure is energy, for which a potential tells no threshold; give "
               "threshold lo hi, energies per atom");
}

/// Whether all files can be written, before there is anything to lose. Only the rank that writes
/// there looks: others may see the folder later or lose it sooner.
void ALQuerySettings::check_output()
{
  on_first_rank(lmp, "fix al_query", [&] {
    const std::string name = platform::path_basename(prefix);
    almlip::require(!name.empty() && name != "." && name != "..", "file is '", prefix,
                    "', which is a folder, but it must be the beginning of names; use ", prefix,
                    name.empty() ? "al_batch" : "/al_batch");
    try_to_write("file", prefix, almlip::batch_stem(prefix, 1) + ".extxyz");
    if (!spool.empty()) check_spool();
    if (!trace.empty()) try_to_write("trace", trace, trace);
  });
}

/// A folder that is not there is not made yet: other processes may be about to do so.
void ALQuerySettings::check_spool() const
{
  const bool is_folder = platform::path_is_directory(spool);
  almlip::require(is_folder || !platform::file_is_readable(spool), "spool is '", spool,
                  "', but this is a file; it must be a folder, or a name that is free");
  try_to_write("spool", spool, is_folder ? spool + "/0001.extxyz" : spool);
}

void ALQuerySettings::try_to_write(const char *keyword, const std::string &name,
                                   const std::string &path)
{
  const std::string folder = platform::path_dirname(path);
  almlip::require(platform::path_is_directory(folder), keyword, " is '", name,
                  "', but there is no folder '", folder, "'; make it first");
  almlip::try_to_write(path);
}
