// A version 1 link holds when its signature is hex(HMAC-SHA256(secret, "<file id>:<user id>:<expires>")) and it has not expired.
import crypto from 'crypto';

const secret = process.env.FILE_SIGNING_SECRET;

function is_valid(r) {
  const given = r.variables;
  const expires = given.arg_expires;
  if (Number(expires) * 1000 < Date.now()) {
    return '0';
  }
  const id = given.uri.slice(given.uri.lastIndexOf('/') + 1);
  const wanted = crypto.createHmac('sha256', secret).update(`${id}:${given.arg_user_id}:${expires}`).digest('hex');
  return wanted === given.arg_signature ? '1' : '0';
}

export default { is_valid };
