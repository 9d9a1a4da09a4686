export { Files } from "./files.js";
export { FilesError } from "./errors.js";
export { keepPlaying } from "./playback.js";
