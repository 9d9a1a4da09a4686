# shellcheck shell=bash
# The load tests run, briefly, each on a service of its own. That answers are right is judged strictly; their times hardly,
# for the machine may be busy with anything.

load() {
  step "k6: every kind of answer is right" load_briefly smoke
  step "k6: viewers play, and no range fails" load_briefly playback
  step "k6: links are issued" load_briefly issue
  step "k6: past the knee, and with too much, what is not answered is refused" load_briefly stress
  step "k6: beside abuse good traffic goes on" load_briefly abuse
  step "k6: neither memory nor open files grow" load_briefly soak
}

load_briefly() { # suite
  bash loadtest/k6.sh "$1" --quick --release "$(target_folder)/release" --out "$work/k6"
}
