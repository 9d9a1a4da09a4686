# shellcheck shell=bash
# What an operator watches: metrics as every run before this one left them, the alarms on them, and the dashboard.

readonly rules="deploy/prometheus/rules.yml" dashboard="deploy/grafana/dashboard.json"

watched() {
  panels="$work/panels.yml"
  step "watched: promtool is unpacked" once unpack_promtool
  step "watched: promtool has nothing to say of the metrics" lint_metrics
  step "watched: Prometheus takes its settings and rules" "$promtool" check config deploy/prometheus/prometheus.yml
  step "watched: each alarm fires when it is to, and only then" "$promtool" test rules deploy/prometheus/rules_test.yml
  step "watched: the dashboard's expressions are rules that parse" parse_panels
  step "watched: alarms and panels name only metrics and labels that there are" compare_names
}

# Each is what a run of both services left (`keep_metrics`).
lint_metrics() {
  local kept
  for kept in "$work"/logs/*-metrics.log; do
    echo "${kept##*/}: $(grep -c '^# HELP' "$kept") metrics"
    "$promtool" check metrics <"$kept"
  done
}

parse_panels() {
  "$python" "$check/watched/expressions.py" "$dashboard" >"$panels"
  "$promtool" check rules "$panels"
}

# A check that finds no mistake in a mistake is none.
compare_names() {
  local misspelt="$work/misspelt.yml"
  "$python" "$check/watched/names.py" "$rules" "$panels" --scraped "$work"/logs/*-metrics.log
  sed 's/gateway_origin_requests_total/gateway_origin_request_total/' "$rules" >"$misspelt"
  refuses_names "$misspelt" "there is no metric gateway_origin_request_total"
  sed 's/code="overloaded"/cause="overloaded"/' "$rules" >"$misspelt"
  refuses_names "$misspelt" "gateway_refusals_total has no label cause"
}

refuses_names() { # rules, what is said of them
  if "$python" "$check/watched/names.py" "$1" --scraped "$work"/logs/*-metrics.log >"$work/mistakes.log"; then
    echo "a misspelt name was taken: $2" >&2
    return 1
  fi
  grep -F "$2" "$work/mistakes.log"
}
