// What an application uses: `Files` calls the API, `keepPlaying` keeps a <video> on links that live, `upload` sends a file in
// as many requests as it takes. Signing is in './sign.js', for servers only.
export { Files } from './files.js';
export { FilesError } from './errors.js';
export { keepPlaying } from './playback.js';
