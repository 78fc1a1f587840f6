/** `npm run build:page` */
import { shipPage } from './page.ts';

await shipPage();
