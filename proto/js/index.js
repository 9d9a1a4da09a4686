// What an application uses: `Files` calls the API and uploads in as many requests as it takes, `keepPlaying` keeps a <video>
// on links that live. Signing is in './sign.js', for servers only.
export { Files } from './files.js';
export { FilesError } from './errors.js';
export { keepPlaying } from './playback.js';
