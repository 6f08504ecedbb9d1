// The page's figures, in the order in which they are read, and the table of epochs.
#include "runtime/html_report.h"

#include "runtime/line_chart.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>

namespace kiln::runtime {
namespace {

constexpr std::string_view style =
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:800px;margin:2em auto;padding:0 1em}"
    "svg{width:100%;height:auto;margin:.6em 0}.title{font-weight:600;font-size:14px}.tick{font-size:11px;fill:#555}"
    ".legend{font-size:12px}.grid{stroke:#e2e2e2}table{border-collapse:collapse;font-size:13px}"
    "td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #ddd}th{text-align:right}"
    "dt{float:left;clear:left;width:9em;color:#555}dd{margin-left:9em}p{color:#555}";

using Epoch = RunHistory::Epoch;

Curve epoch_curve(const RunHistory& history, std::string name, const std::function<double(const Epoch&)>& value) {
  Curve curve;
  curve.name = std::move(name);
  for (const Epoch& epoch : history.epochs()) {
    const double y = value(epoch);
    if (std::isfinite(y)) curve.points.push_back({static_cast<double>(epoch.metrics.epoch), y, y, y});
  }
  return curve;
}

// Empty where nothing was measured.
std::string epoch_chart(std::string title, std::vector<Curve> curves) {
  std::erase_if(curves, [](const Curve& curve) { return curve.points.empty(); });
  if (curves.empty()) return {};
  return svg({std::move(title), "epoch", std::move(curves)});
}

// Groups taken together, so that a point stands for several steps wherever there are enough of them.
std::string loss_per_batch(const RunHistory& history) {
  constexpr size_t most_points = 128;
  const std::vector<StepGroup>& groups = history.groups();
  const size_t together = (groups.size() + most_points - 1) / most_points;
  Curve curve;
  for (size_t begin = 0; begin < groups.size(); begin += together) {
    StepGroup sum = groups[begin];
    for (size_t i = begin + 1; i < std::min(begin + together, groups.size()); ++i) join(sum, groups[i]);
    curve.points.push_back({static_cast<double>(sum.last_step), sum.loss_sum / static_cast<double>(sum.steps),
                            double{sum.least_loss}, double{sum.largest_loss}});
  }
  return svg({"Loss per batch: mean, and the band from least to largest", "step", {std::move(curve)}});
}

std::string learning_rate(const RunHistory& history) {
  Curve curve;
  for (const StepGroup& group : history.groups())
    curve.points.push_back(
        {static_cast<double>(group.last_step), group.learning_rate, group.learning_rate, group.learning_rate});
  return svg({"Learning rate", "step", {std::move(curve)}});
}

// Of as many steps as a picture can tell apart.
template <class Value> std::string health_chart(const RunHistory& history, std::string title, Value value) {
  constexpr size_t most_points = 256;
  const std::vector<HealthPoint>& health = history.health();
  const size_t apart = (health.size() + most_points - 1) / most_points;
  Curve curve;
  for (size_t i = 0; i < health.size(); i += apart) {
    const auto [low, mean, high] = value(health[i]);
    if (std::isfinite(mean)) curve.points.push_back({static_cast<double>(health[i].step), mean, low, high});
  }
  if (curve.points.empty()) return {};
  return svg({std::move(title), "step", {std::move(curve)}});
}

std::string scientific(double value) {
  if (!std::isfinite(value)) return {};
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

std::string health_tables(const HealthMetrics& health) {
  std::string text = "<h2>Health at step " + format_integer(health.step) + "</h2>\n";
  if (!health.parameters.empty())
    text += "<table>\n<tr><th>parameter</th><th>gradient norm</th><th>weight norm</th><th>update / weight</th></tr>\n";
  for (const HealthMetrics::Parameter& parameter : health.parameters)
    text += "<tr><td>" + xml_text(parameter.name) + "</td><td>" + scientific(parameter.gradient_norm) + "</td><td>" +
            scientific(parameter.weight_norm) + "</td><td>" + scientific(parameter.update_to_weight()) + "</td></tr>\n";
  if (!health.parameters.empty()) text += "</table>\n";
  if (health.rectifiers.empty()) return text;
  text += "<table>\n<tr><th>rectifier</th><th>units</th><th>dead in this epoch</th></tr>\n";
  for (const HealthMetrics::Rectifier& rectifier : health.rectifiers)
    text += "<tr><td>" + xml_text(rectifier.name) + "</td><td>" +
            format_integer(static_cast<int64_t>(rectifier.fired_in_epoch.size())) + "</td><td>" +
            format_fixed(100 * rectifier.dead_share(), 1) + " %</td></tr>\n";
  return text + "</table>\n";
}

std::string cell(double value) { return "<td>" + (std::isfinite(value) ? format_fixed(value, 4) : "") + "</td>"; }

std::string epoch_table(const ReportFacts& facts, const RunHistory& history) {
  const std::string tested = xml_text(facts.evaluated);
  std::string text = "<h2>Epochs</h2>\n<table>\n<tr><th>epoch</th><th>steps</th><th>train loss</th><th>train accuracy"
                     "</th><th>" +
                     tested + " loss</th><th>" + tested + " accuracy</th>";
  for (const std::string& name : history.further_names()) text += "<th>" + xml_text(name) + "</th>";
  text += "</tr>\n";
  for (const Epoch& epoch : history.epochs()) {
    const EpochMetrics& metrics = epoch.metrics;
    text += "<tr><td>" + format_integer(metrics.epoch) + "</td><td>" + format_integer(metrics.step) + "</td>";
    for (double value : {metrics.train_loss, metrics.train_accuracy, metrics.test_loss, metrics.test_accuracy})
      text += cell(value);
    for (double value : epoch.further) text += cell(value);
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

} // namespace

std::string html_report(const ReportFacts& facts, const RunHistory& history) {
  const std::string name = xml_text(facts.network);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + name +
                     "</title>\n<style>" + std::string(style) + "</style>\n</head>\n<body>\n<h1>" + name +
                     "</h1>\n<dl>\n";
  for (const auto& [what, value] : facts.lines)
    page += "<dt>" + xml_text(what) + "</dt><dd>" + xml_text(value) + "</dd>\n";
  page += "</dl>\n";
  const auto of = [](double EpochMetrics::*field) {
    return [field](const Epoch& epoch) { return epoch.metrics.*field; };
  };
  const std::string& tested = facts.evaluated;
  page += epoch_chart("Loss per epoch", {epoch_curve(history, "train", of(&EpochMetrics::train_loss)),
                                         epoch_curve(history, tested, of(&EpochMetrics::test_loss))});
  if (!history.groups().empty()) page += loss_per_batch(history);
  page += epoch_chart("Accuracy", {epoch_curve(history, "train", of(&EpochMetrics::train_accuracy)),
                                   epoch_curve(history, tested, of(&EpochMetrics::test_accuracy))});
  if (!history.groups().empty()) page += learning_rate(history);
  for (size_t i = 0; i < history.further_names().size(); ++i) {
    if (history.further_names()[i].starts_with(HealthMetrics::dead_share_prefix)) continue; // drawn together below
    page += epoch_chart(history.further_names()[i],
                        {epoch_curve(history, "", [i](const Epoch& epoch) { return epoch.further[i]; })});
  }
  page += health_chart(history, "Norm of the gradient of all parameters", [](const HealthPoint& point) {
    return std::array<double, 3>{point.gradient_norm, point.gradient_norm, point.gradient_norm};
  });
  page += health_chart(history, "Update over weight: mean over parameters, and the band from least to largest",
                       [](const HealthPoint& point) { return point.update_to_weight; });
  page += health_chart(history, "Dead rectifiers in the epoch so far: mean over layers, and the band",
                       [](const HealthPoint& point) { return point.dead_share; });
  if (history.last_health().step > 0) page += health_tables(history.last_health());
  if (!history.epochs().empty()) page += epoch_table(facts, history);
  return page + "</body>\n</html>\n";
}

} // namespace kiln::runtime
