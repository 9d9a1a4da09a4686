// What a bundler puts in the place of './sign.js'.
throw new Error('t2m-files/sign needs the signing secret, which a browser must never have: ask your server for a link.');
