/** `npm run build:page [-- FILE]`; `npm run build` puts it into the package. */
import { shipPage } from './page.ts';

await shipPage(process.argv[2]);
