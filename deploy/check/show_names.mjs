// Uploads files of hostile names on the page that the standalone process prints, and looks at what the page makes of them:
//   node show_names.mjs < address
import { readFileSync } from 'node:fs';
import { expect, inBrowser } from './browser.mjs';

const names = [
  `"><img src=x onerror="document.title='ran'">.txt`,
  `<svg onload=document.title='ran'>.txt`,
  `<iframe srcdoc="<b>x">.txt`,
  `javascript:document.title='ran'.txt`,
  "{{7*7}}${7*7}<%= 7*7 %>.txt",
  `&lt;b&gt; & "quoted" 'so' \u00e9 e\u0301 \u{1f3ac}.txt`,
  `%3Cb%3E\u202egpj.txt`,
];

// A file's heading holds its name as text, and nothing else.
const isShown = (name) => [...document.querySelectorAll('h3')].some((head) => head.textContent === name && head.childElementCount === 0);

await inBrowser(async (page) => {
  page.on('dialog', (dialog) => dialog.dismiss().then(() => { throw new Error('a name opened a dialog'); }));
  await page.goto(readFileSync(0, 'utf8').trim());
  await page.locator('h3').first().waitFor();
  const title = await page.title();
  const elements = () => page.evaluate(() => document.querySelectorAll('img, svg, iframe, script, b').length);
  const before = await elements();
  for (const name of names) {
    await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.waitForFunction(isShown, name);
  }
  const remove = page.getByRole('button', { name: /^Delete / });
  for (let index = 0; index < names.length; index += 1) {
    await remove.nth(index).click();
    const question = await page.locator('dialog p').first().textContent();
    expect(names.some((name) => question.includes(name)), `the question to hold a name, it is ${question}`);
    await page.getByRole('button', { name: 'Keep it' }).click();
  }
  expect((await elements()) === before, 'no name to become an element');
  expect((await page.title()) === title, 'no name to run');
  console.log(`${names.length} names are shown as they are`);
});
