#include "al_query_settings.h"

#include "almlip_problem.h"

#include "error.h"
#include "platform.h"
#include "utils.h"

#include "almlip/error.h"

#include <algorithm>

using namespace LAMMPS_NS;

static constexpr char KEYWORDS[] =
    "threshold, measure, strategy, alpha, batch, clusters, buffer, spacing, trigger, gate, action, "
    "file or seed";

ALQuerySettings::ALQuerySettings(LAMMPS *lmp, int narg, char **arg)
    : Pointers(lmp), narg(narg), arg(arg)
{
  if (narg < 4) utils::missing_cmd_args(FLERR, "fix al_query", error);
  nevery = count("N", 3);
  int iarg = 4;
  while (iarg < narg) iarg = read_keyword(iarg);
  check();
}

/// Reads the keyword at `iarg` with its values; returns where the next one is.
int ALQuerySettings::read_keyword(int iarg)
{
  const std::string key = arg[iarg];
  if (key == "gate") return read_gate(iarg + 1);

  if (key == "threshold") {
    lo = nonnegative("threshold lo", iarg + 1);
    hi = nonnegative("threshold hi", iarg + 2);
    threshold_given = true;
    return iarg + 3;
  }
  if (key == "measure") {
    const std::string measure = value(iarg + 1);
    if (measure != "force")
      error->all(FLERR, "fix al_query: measure is '" + measure + "', but it must be force");
  } else if (key == "strategy") {
    try {
      selection.strategy = almlip::parse_strategy(value(iarg + 1));
    } catch (const almlip::Error &e) {
      error->all(FLERR, "fix al_query: " + std::string(e.what()));
    }
  } else if (key == "action") {
    const std::string action = value(iarg + 1);
    if (action != "continue" && action != "soft")
      error->all(FLERR,
                 "fix al_query: action is '" + action + "', but it must be continue or soft");
    soft = action == "soft";
  } else if (key == "trigger") {
    trigger = std::string(value(iarg + 1)) == "end" ? AT_THE_END : count("trigger", iarg + 1);
  } else if (key == "alpha") {
    selection.alpha = nonnegative("alpha", iarg + 1);
  } else if (key == "batch") {
    selection.batch = count("batch", iarg + 1);
  } else if (key == "clusters") {
    selection.clusters = count("clusters", iarg + 1);
  } else if (key == "buffer") {
    buffer = count("buffer", iarg + 1);
  } else if (key == "spacing") {
    spacing = count("spacing", iarg + 1);
  } else if (key == "seed") {
    selection.seed = count("seed", iarg + 1);
  } else if (key == "file") {
    prefix = value(iarg + 1);
  } else {
    error->all(FLERR, "fix al_query: keyword '" + key + "' is unknown; it must be " + KEYWORDS);
  }
  return iarg + 2;
}

/// Reads the pairs of name and number that follow `gate`.
int ALQuerySettings::read_gate(int iarg)
{
  const int first = iarg;
  for (; iarg < narg; iarg += 2) {
    const std::string name = arg[iarg];
    if (name == "mindist") {
      mindist = nonnegative("gate mindist", iarg + 1);
      mindist_given = true;
    } else if (name == "fmax") {
      fmax = nonnegative("gate fmax", iarg + 1);
      fmax_given = true;
    } else {
      break;
    }
  }
  if (iarg == first)
    error->all(FLERR, "fix al_query: gate is followed by '" +
                          std::string(iarg < narg ? arg[iarg] : "") +
                          "', but it must be followed by mindist or fmax and a number");
  return iarg;
}

const char *ALQuerySettings::value(int iarg)
{
  if (iarg >= narg)
    error->all(FLERR,
               "fix al_query: a value is missing after '" + std::string(arg[narg - 1]) + "'");
  return arg[iarg];
}

/// A positive whole number.
int ALQuerySettings::count(const char *name, int iarg)
{
  const int number = utils::inumeric(FLERR, value(iarg), false, lmp);
  if (number < 1)
    error->all(FLERR, "fix al_query: " + std::string(name) + " is " + arg[iarg] +
                          ", but it must be at least 1");
  return number;
}

double ALQuerySettings::nonnegative(const char *name, int iarg)
{
  const double number = utils::numeric(FLERR, value(iarg), false, lmp);
  if (!(number >= 0.0))
    error->all(FLERR, "fix al_query: " + std::string(name) + " is " + arg[iarg] +
                          ", but it must not be negative");
  return number;
}

/// What can only be said of all settings together.
void ALQuerySettings::check()
{
  if (threshold_given && lo >= hi)
    error->all(
        FLERR,
        fmt::format("fix al_query: threshold is {} {}, but the first must be less than the second",
                    lo, hi));
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
  if (trigger == 0) trigger = std::min(2 * selection.batch, buffer);
  // Only the rank that writes there looks: others may see the folder later or lose it sooner.
  on_first_rank(lmp, "fix al_query", [&] {
    const std::string folder = platform::path_dirname(prefix);
    almlip::require(platform::path_is_directory(folder), "file is '", prefix,
                    "', but there is no folder '", folder, "'; make it first");
  });
}
