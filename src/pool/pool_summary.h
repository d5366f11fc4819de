// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_tables.h"

namespace almlip::pool {

/// The result of a study as Markdown: data, protocol, and a table per metric and system.
std::string summary_markdown(const PoolStudy &study, const StudyData &data, const StudyRuns &runs,
                             const std::vector<SeriesResult> &results);

/// Markdown with headings, paragraphs, lists and tables as a page of HTML; the given pictures are
/// shown if they lie beside it.
std::string to_html(const std::string &markdown, const std::string &title,
                    const std::vector<std::string> &pictures);

}    // namespace almlip::pool
