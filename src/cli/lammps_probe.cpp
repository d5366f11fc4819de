// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/lammps_probe.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "almlip/error.h"

namespace almlip::cli {

namespace {

/// One word for a POSIX shell.
std::string shell_word(const std::string &text)
{
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'')
      word += "'\\''";
    else
      word += c;
  }
  return word + "'";
}

/// What a shell command prints to stdout and stderr.
std::string output_of(const std::string &command)
{
  FILE *pipe = popen(("( " + command + "\n) 2>&1").c_str(), "r");
  require(pipe != nullptr, "a shell cannot be started to run ", command);
  std::string output;
  char chunk[4096];
  while (const std::size_t count = std::fread(chunk, 1, sizeof chunk, pipe))
    output.append(chunk, count);
  pclose(pipe);
  return output;
}

/// The rest of the first line that holds `mark`, after it; empty if there is none.
std::string text_after(const std::string &output, const std::string &mark)
{
  const std::size_t found = output.find(mark);
  if (found == std::string::npos) return "";
  const std::size_t start = found + mark.size();
  return output.substr(start, output.find('\n', start) - start);
}

std::string last_line(const std::string &output)
{
  std::istringstream lines(output);
  std::string last;
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  return last;
}

/// The line with which LAMMPS refused the plugin.
std::string refusal(const std::string &output)
{
  const std::string error = text_after(output, "ERROR: ");
  const std::size_t source = error.rfind(" (");    // file and line of LAMMPS
  if (!error.empty()) return error.back() == ')' ? error.substr(0, source) : error;
  const std::string open = text_after(output, "Open of file ");
  return open.empty() ? last_line(output) : open;
}

}    // namespace

LammpsProbe probe_lammps(const std::string &executable, const std::string &plugin)
{
  LammpsProbe probe;
  const std::string help = output_of(shell_word(executable) + " -h < /dev/null");
  probe.version = text_after(help, "Massively Parallel Simulator - ");
  if (probe.version.empty()) {
    const std::string said = last_line(help);
    probe.reason = "it does not start as LAMMPS does" + (said.empty() ? "" : ": " + said);
    return probe;
  }
  const std::string mpi = text_after(help, "MPI v");
  const std::size_t colon = mpi.find(':');
  if (colon != std::string::npos) probe.mpi = mpi.substr(mpi.find_first_not_of(": \t", colon));
  std::replace(probe.mpi.begin(), probe.mpi.end(), '\t', ' ');
  while (probe.mpi.find("  ") != std::string::npos) probe.mpi.erase(probe.mpi.find("  "), 1);

  const std::string script = "plugin load \"" + plugin + "\"\nplugin list\n";
  const std::string output =
      output_of(shell_word(executable) + " -log none <<'ALMLIP_END'\n" + script + "ALMLIP_END");
  probe.has_plugin_command = output.find("Unknown command: plugin") == std::string::npos;
  probe.loads_plugin = output.find("pair style plugin almlip") != std::string::npos;
  if (!probe.has_plugin_command)
    probe.reason = "it was built without the package PLUGIN";
  else if (!probe.loads_plugin)
    probe.reason = refusal(output);
  return probe;
}

}    // namespace almlip::cli
