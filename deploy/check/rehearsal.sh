# shellcheck shell=bash
# The topology of a deployment, and what its users see while parts of it go away.

rehearsal() {
  step "the rehearsal's reader tells short from cut from wrong" node --test deploy/rehearse
  step "restarts and outages are rehearsed, briefly" bash deploy/rehearse.sh --brief
}
