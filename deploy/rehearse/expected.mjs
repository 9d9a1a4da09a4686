// What players may see of each event, and nothing else. Wrong bytes and short bodies never.

const NOTHING = () => false;
const answered = (...codes) => ({ kind, retryAfter }) => codes.includes(kind) && retryAfter !== undefined;
const away = answered('503 catalog_unavailable');
const noStorage = answered('503 storage_unavailable', '504 storage_timeout');

/**
 * By the event's name: for each kind of traffic the failures that are allowed, as a question of the attempt and of the moments
 * that were marked. What is not named here may not fail.
 */
export const allowed = {
  // Only what was on its way there: it had begun before the process was gone, and the next attempt succeeds.
  'kill -9 of a gateway': { hot: wasOnItsWay, long: wasOnItsWay, cold: wasOnItsWay, new: wasOnItsWay },
  // What was looked up is served on; nobody can sign, and what nobody has asked for yet cannot be looked up.
  'Postgres is restarted': { sign: away, upload: away, new: away },
  // What is cached is served on; an answer that had begun may be cut, never ended as if whole.
  'SeaweedFS stands still': { cold: storageIsAway, new: storageIsAway, upload: noStorage },
  'SeaweedFS is killed': { cold: storageIsAway, new: storageIsAway, upload: noStorage },
};

/** Events after which a second attempt always succeeds. */
export const succeedsAfterARetry = ['kill -9 of a gateway'];

function wasOnItsWay({ kind, began, attempt }, marks) {
  return kind === 'cut' && attempt === 0 && began <= marks.gone;
}

function storageIsAway(attempt) {
  return attempt.kind === 'cut' || noStorage(attempt);
}

export function isAllowed(event, attempt, marks) {
  const ask = allowed[event]?.[attempt.traffic] ?? NOTHING;
  return ask(attempt, marks);
}
