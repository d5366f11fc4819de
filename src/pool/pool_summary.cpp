// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_summary.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "almlip/text.h"
#include "pool/pool_descriptors.h"

namespace almlip::pool {

namespace {

std::string p_value(double p) { return p < 0.001 ? format("%.0e", p) : format("%.2g", p); }

std::string data_section(const PoolStudy &study, const StudyData &data)
{
  std::string text = "## Data\n\n";
  for (const std::string &note : data.notes) text += "- " + note + "\n";
  std::set<std::string> descriptors;
  for (const PoolProtocol &p : study.series) descriptors.insert(p.descriptor);
  for (const std::string &name : descriptors) {
    const PoolDescriptor descriptor(name);
    text += format("- descriptor %s: %d numbers%s\n", name.c_str(), descriptor.num_features(),
                   descriptor.leaks()
                       ? "; **leaks**: it holds results of the calculation that gives the target"
                       : "");
  }
  return text + "\n";
}

std::string protocol_section(const PoolStudy &study)
{
  const PoolProtocol &p = study.series.front();
  std::string text = "## Protocol\n\n";
  text += format(
      "%d labels at the beginning (%s), then %d batches of %d; %d seeds from %d on, paired: every "
      "series of a seed has the same pool, test "
      "set, initial weights and, unless it chooses it, initial set. ",
      p.initial, p.initial_set.c_str(), p.rounds, p.batch, study.seeds, study.first_seed);
  text += format(
      "Committee of %d networks with two hidden layers of %d ReLU units, Adam %g, %d steps on the "
      "mean squared error, anew in every round. "
      "Descriptors and targets are standardised on the labelled entries only, descriptors end at "
      "%g deviations. ",
      p.members, p.hidden, p.learning_rate, p.steps, p.clip);
  text += format(
      "Of each system %d%% are test entries; the test set \"large\" has up to %d left-over entries "
      "more.\n\n",
      int(std::lround(100 * study.test_fraction)), study.larger_test);
  text += format(
      "*saving*: labels that a series needs less than its baseline to reach the baseline's last "
      "error, in percent (negative: more); "
      "the interval holds %g%% of %d bootstrap samples over seeds. *area*: relative change of the "
      "mean error over the labels, with standard "
      "error; *last*: of the error at the last label; p from paired t-tests, not corrected for the "
      "number of comparisons. *rank*: Spearman "
      "correlation of the members' spread with |error| at the last label. Errors in eV/atom.\n\n",
      100 * study.interval, study.bootstrap);
  return text;
}

std::string result_row(const SeriesResult &r)
{
  const std::string last =
      r.is_baseline ? " | 0 | | 0 | |"
                    : format(" | %+.1f ± %.1f | %s | %+.1f | %s |", 100 * r.area_change.mean,
                             100 * r.area_change.standard_error, p_value(r.area_change.p).c_str(),
                             100 * r.final_change.mean, p_value(r.final_change.p).c_str());
  const std::string saving = r.is_baseline ? "0"
                                           : format("%+.0f [%+.0f, %+.0f]", 100 * r.saving.value,
                                                    100 * r.saving.low, 100 * r.saving.high);
  return "| " + r.series + " | " + saving + last +
         format(" %.4f ± %.4f | %.3f | %.3f | %.2f | %.1f |\n", r.final_mae, r.final_mae_error,
                r.final_rmse, r.final_r2, r.rank_correlation, 1000 * r.select_seconds);
}

/// Table of one system and metric, the smallest area first.
std::string result_table(std::vector<SeriesResult> rows)
{
  std::stable_sort(rows.begin(), rows.end(), [](const SeriesResult &a, const SeriesResult &b) {
    return a.area_change.mean < b.area_change.mean;
  });
  std::string text =
      "| series | saving % | area % | p | last % | p | last MAE | RMSE | R2 | rank | ms/choice "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const SeriesResult &row : rows) text += result_row(row);
  return text + "\n";
}

std::string result_sections(const PoolStudy &study, const std::vector<SeriesResult> &results)
{
  std::vector<std::string> systems = study.systems;
  if (systems.size() > 1) systems.insert(systems.begin(), all_systems);
  std::string text;
  for (const std::string &metric : study.metrics) {
    text += "## Results, test set \"" + metric + "\"\n\n";
    for (const std::string &system : systems) {
      text += system == all_systems ? "### Mean of the systems\n\n" : "### " + system + "\n\n";
      std::vector<SeriesResult> rows;
      for (const SeriesResult &r : results)
        if (r.metric == metric && r.system == system) rows.push_back(r);
      text += result_table(rows);
    }
  }
  return text;
}

std::string curve_section(const PoolStudy &study, const StudyRuns &runs)
{
  const int metric = metric_index(study, study.metrics.front());
  std::string text =
      "## Learning curves, MAE (eV/atom), test set \"" + study.metrics.front() + "\"\n\n";
  for (std::size_t k = 0; k < runs.size(); ++k) {
    std::set<int> all_labels;
    for (const std::vector<PoolRun> &series : runs[k])
      for (const PoolRound &round : series.front().rounds) all_labels.insert(round.labels);
    text += "| " + study.systems[k] + " |";
    std::string rule = "|---|";
    for (int labels : all_labels) {
      text += format(" %d |", labels);
      rule += "---|";
    }
    text += "\n" + rule + "\n";
    for (std::size_t s = 0; s < runs[k].size(); ++s) {
      const SeriesCurves curves = curves_of(runs[k][s], metric);
      const std::vector<double> mean = mean_curve(curves.mae);
      text += "| " + study.series[s].name + " |";
      for (int labels : all_labels) {
        const auto at = std::find(curves.labels.begin(), curves.labels.end(), double(labels));
        text +=
            at == curves.labels.end() ? " |" : format(" %.4f |", mean[at - curves.labels.begin()]);
      }
      text += "\n";
    }
    text += "\n";
  }
  return text;
}

std::string calibration_section(const PoolStudy &study, const StudyRuns &runs)
{
  std::string text =
      "## Spread and error\n\nSpearman correlation of the members' spread with |error| at the "
      "first, middle and last round, and the expected "
      "calibration error at the last one without / with one factor fitted on the smaller test "
      "set.\n\n| system | series | first | "
      "middle | last | calibration error | with factor |\n|---|---|---|---|---|---|---|\n";
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (std::size_t s = 0; s < runs[k].size(); ++s) {
      const std::vector<PoolRun> &all = runs[k][s];
      const std::size_t last = all.front().rounds.size() - 1;
      const auto mean = [&](std::size_t round, double PoolRound::*member) {
        double sum = 0.0;
        for (const PoolRun &run : all) sum += run.rounds[round].*member / double(all.size());
        return sum;
      };
      text += format("| %s | %s | %.2f | %.2f | %.2f | %.3f | %.3f |\n", study.systems[k].c_str(),
                     study.series[s].name.c_str(), mean(0, &PoolRound::rank_correlation),
                     mean(last / 2, &PoolRound::rank_correlation),
                     mean(last, &PoolRound::rank_correlation),
                     mean(last, &PoolRound::calibration_error),
                     mean(last, &PoolRound::scaled_calibration_error));
    }
  return text + "\n";
}

std::string escaped(const std::string &text)
{
  std::string result;
  for (char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '&')
      result += "&amp;";
    else
      result += c;
  }
  return result;
}

/// Replaces pairs of a mark by opening and closing tags.
std::string tagged(std::string text, const std::string &mark, const std::string &tag)
{
  bool open = false;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    const std::string with = open ? "</" + tag + ">" : "<" + tag + ">";
    text.replace(at, mark.size(), with);
    at += with.size();
    open = !open;
  }
  return text;
}

std::string inline_html(const std::string &text)
{
  return tagged(tagged(escaped(text), "**", "b"), "*", "i");
}

std::string table_row(const std::string &line, const std::string &tag)
{
  std::string row = "<tr>", cell;
  std::istringstream cells(line.substr(1));
  while (std::getline(cells, cell, '|'))
    row += "<" + tag + ">" + inline_html(cell) + "</" + tag + ">";
  return row + "</tr>\n";
}

}    // namespace

std::string summary_markdown(const PoolStudy &study, const StudyData &data, const StudyRuns &runs,
                             const std::vector<SeriesResult> &results)
{
  return "# " + study.title + "\n\n" + data_section(study, data) + protocol_section(study) +
         result_sections(study, results) + curve_section(study, runs) +
         calibration_section(study, runs);
}

std::string to_html(const std::string &markdown, const std::string &title,
                    const std::vector<std::string> &pictures)
{
  std::string html = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" +
                     escaped(title) +
                     "</title>\n<style>body{font-family:sans-serif;max-width:75em;margin:2em "
                     "auto;padding:0 1em}table{border-collapse:collapse}"
                     "td,th{padding:.15em .6em;border-bottom:1px solid "
                     "#ddd;text-align:right}td:first-child,th:first-child{text-align:left}"
                     "img{max-width:100%}</style></head><body>\n";
  std::istringstream lines(markdown);
  std::string line, before;
  bool in_table = false, in_list = false;
  while (std::getline(lines, line)) {
    const bool row = !line.empty() && line[0] == '|', item = line.rfind("- ", 0) == 0;
    if (in_table && !row) html += "</table>\n";
    if (in_list && !item) html += "</ul>\n";
    if (row && !in_table) html += "<table>\n";
    if (item && !in_list) html += "<ul>\n";
    if (row && line.rfind("|---", 0) != 0)
      html += table_row(line, in_table ? "td" : "th");
    else if (item)
      html += "<li>" + inline_html(line.substr(2)) + "</li>\n";
    else if (!row && !line.empty() && line[0] == '#') {
      const std::size_t level = line.find_first_not_of('#');
      html += format("<h%zu>", level) + inline_html(line.substr(level + 1)) +
              format("</h%zu>\n", level);
      if (level == 1)
        for (const std::string &picture : pictures)
          html += "<p><img src=\"" + picture + "\" alt=\"\" onerror=\"this.remove()\"></p>\n";
    } else if (!row && !line.empty())
      html += "<p>" + inline_html(line) + "</p>\n";
    in_table = row;
    in_list = item;
  }
  return html + std::string(in_table ? "</table>\n" : "") + (in_list ? "</ul>\n" : "") +
         "</body></html>\n";
}

}    // namespace almlip::pool
