// One HTTP exchange, and how it ended for whoever asked.
import http from 'node:http';

/**
 * @typedef {'whole' | 'cut' | 'closed' | 'refused' | 'silent'} End
 * whole: by its own framing the message is complete. cut: the connection ended inside the answer. closed: it ended
 * before an answer began. refused: there was no connection. silent: nothing moved for SILENCE_MS.
 */

export const SILENCE_MS = 20_000;

/**
 * Asks, hands each piece of the answer's body to `take(piece, answer)` as it comes, and never throws.
 * @returns {Promise<{end: End, status?: number, headers?: object}>}
 */
export function exchange({ url, agent, method = 'GET', headers = {}, body, take = () => {} }) {
  return new Promise((resolve) => {
    let answer;
    const ended = (end) => resolve({ end, status: answer?.statusCode, headers: answer?.headers });
    const request = http.request(url, { agent, method, headers }, (response) => {
      answer = response;
      response.on('data', (piece) => take(piece, response));
      response.on('end', () => ended(response.complete ? 'whole' : 'cut'));
      response.on('error', () => ended('cut'));
    });
    let isSilent = false;
    request.setTimeout(SILENCE_MS, () => {
      isSilent = true;
      request.destroy();
    });
    request.on('error', (error) => ended(endOf(error, isSilent, answer)));
    request.on('close', () => ended(isSilent ? 'silent' : 'cut'));
    request.end(body);
  });
}

function endOf(error, isSilent, answer) {
  if (isSilent) return 'silent';
  if (answer) return 'cut';
  return error.code === 'ECONNREFUSED' ? 'refused' : 'closed';
}
