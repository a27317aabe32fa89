// What a page does with `@openpanel/web`. The page has put its settings into the window.
import { OpenPanel } from '@openpanel/web';

window.op = new OpenPanel({
  ...window.settings,
  trackScreenViews: true,
  trackOutgoingLinks: true,
  trackAttributes: true,
});
