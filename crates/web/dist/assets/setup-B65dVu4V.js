import{C as e,F as t,H as n,T as r,V as i,a,b as o,c as s,d as c,f as l,k as u,l as d,m as f,n as p,o as m,t as h,v as g,x as _,y as v}from"./parts-BjiSdcLn.js";import{B as y,E as b,F as x,G as S,H as C,U as w,V as T,h as E,k as D,z as O}from"./index-DEZ3bw1F.js";import{t as k}from"./fresh-DShJ4nz-.js";var A=[[`browser`,`Browser`],[`npm`,`npm`],[`node`,`Node`],[`python`,`Python`],[`rust`,`Rust`],[`curl`,`curl`]],j=e=>JSON.stringify(e).slice(1,-1).replaceAll(`<`,`\\u003c`).replaceAll(`'`,`\\u0027`);function M(e,{base:t,clientId:n,secret:r}){let i=j(t.replace(/\/$/,``)),a=j(n),o=j(r??`YOUR_CLIENT_SECRET`);switch(e){case`browser`:return`<script>
  window.op = window.op || function (...args) { (window.op.q = window.op.q || []).push(args); };
  window.op('init', {
    apiUrl: '${i}',
    clientId: '${a}',
    trackScreenViews: true,
    trackOutgoingLinks: true,
    trackAttributes: true,
  });
<\/script>
<script src="${i}/op1.js" defer async><\/script>`;case`npm`:return`// npm install @openpanel/web
import { OpenPanel } from '@openpanel/web';

export const op = new OpenPanel({
  apiUrl: '${i}',
  clientId: '${a}',
  trackScreenViews: true,
});

op.track('signup', { plan: 'pro' });`;case`node`:return`// npm install @openpanel/sdk
import { OpenPanel } from '@openpanel/sdk';

const op = new OpenPanel({
  apiUrl: '${i}',
  clientId: '${a}',
  clientSecret: '${o}',
});

await op.track('signup', { profileId: 'anna', plan: 'pro' });`;case`python`:return`# pip install requests
import requests

requests.post(
    "${i}/track",
    headers={
        "openpanel-client-id": "${a}",
        "openpanel-client-secret": "${o}",
    },
    json={
        "type": "track",
        "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
    },
    timeout=10,
).raise_for_status()`;case`rust`:return`// cargo add ureq@3 -F json; cargo add serde_json
use serde_json::json;

fn main() -> Result<(), ureq::Error> {
    ureq::post("${i}/track")
        .header("openpanel-client-id", "${a}")
        .header("openpanel-client-secret", "${o}")
        .send_json(json!({
            "type": "track",
            "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
        }))?;
    Ok(())
}`;case`curl`:return`curl '${i}/track' \\
  -H 'openpanel-client-id: ${a}' \\
  -H 'openpanel-client-secret: ${o}' \\
  -H 'content-type: application/json' \\
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`}}var N=e=>e!==`browser`&&e!==`npm`;function P(e,t){let n=e=>e.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//,``).replace(/^www\./,``).replace(/\/+$/,``);if(e===`*`)return!0;let[r,i]=[n(e),n(t)],a=/:\d+$/.test(r)?i:i.replace(/:\d+$/,``);return r.startsWith(`*.`)?a.endsWith(r.slice(1))&&a.length>r.length-1:a===r}var F=3e3;function I(){let t=v(),r=o().session.client.type===`root`;return e(n,{children:[e(`div`,{class:`toolbar`}),e(L,{}),e(R,{}),r&&e(z,{projectId:t.id}),r&&e(B,{projectId:t.id})]})}function L(){let t=v(),i=_(),a=S(r(`/insights/{projectId}/events`,{projectId:t.id},{limit:1,startDate:`2000-01-01`}),F),o=O(t.id,!0,a.refresh,a.refresh),s=a.data?.[0];return e(`section`,{class:`panel arrival`,children:e(h,{state:a,rows:2,children:()=>s?e(`div`,{class:`arrival-row`,children:[e(`div`,{children:[e(`h2`,{class:`live-title`,"aria-live":`polite`,children:[e(`i`,{class:`beacon on`,"aria-hidden":`true`}),`Events arrive`]}),e(`p`,{class:`muted`,children:[`The latest is `,e(`bdi`,{class:`strong`,children:s.name}),s.path&&e(n,{children:[` `,`on `,e(`bdi`,{class:`text path`,children:s.path})]}),`, `,b(s.created_at),` (`,x(s.created_at,i),`).`,o?` ${D(o)} ${o===1?`visitor is`:`visitors are`} there now.`:``]})]}),e(`a`,{class:`button primary`,href:w(t.id,`overview`,`?range=today`),children:`See the numbers`})]}):e(`div`,{children:[e(`h2`,{class:`live-title`,"aria-live":`polite`,children:[e(`i`,{class:`beacon`,"aria-hidden":`true`}),`Waiting for the first event`]}),e(`p`,{class:`muted`,children:`Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.`})]})})})}function R(){let a=v(),l=g(),u=o().session.client.type===`root`,d=A.find(([e])=>e===y().query.get(`snippet`))?.[0]??`browser`,[f,m]=i(null),_=S(u?r(`/manage/clients`,{},{projectId:a.id}):null),b=(_.data?.data)?.filter(e=>e.type===`write`&&e.enabled)??[],x=k(a.id),w=f??x?.id??b.at(-1)?.id??null,E=x&&x.id===w?x.secret:null,D=u&&!x&&_.data===void 0;return e(s,{title:`Send events`,actions:b.length>1&&e(`select`,{"aria-label":`Client of the snippet`,value:w??``,onChange:e=>m(e.currentTarget.value),children:b.map(t=>e(`option`,{value:t.id,children:t.name},t.id))}),children:[e(c,{label:`Language`,tabs:A,value:d,onChange:e=>C(T({snippet:e===`browser`?null:e}),`replace`)}),D?e(h,{state:_,rows:6,children:()=>null}):e(p,{text:M(d,{base:l,clientId:w??`YOUR_CLIENT_ID`,secret:E}),label:`Snippet`}),e(`p`,{class:`muted small table-note`,children:[d===`browser`?`Put it into the <head> of every page. `:``,!u&&`Ask an administrator for the id of a write client. `,u&&!D&&!w&&e(n,{children:[`This project has no write client: `,e(`a`,{href:`${t}manage/clients?project=${encodeURIComponent(a.id)}`,children:`make one`}),`.`,` `]}),N(d)&&(E?`The secret is shown until you close this page: keep it now.`:e(n,{children:[`The secret was shown when the client was made.`,u&&e(n,{children:[` `,`A lost one can be `,e(`a`,{href:`${t}manage/clients?project=${encodeURIComponent(a.id)}`,children:`replaced`}),`.`]})]}))]})]})}function z({projectId:t}){let a=S(r(`/manage/projects/{id}`,{id:t})),[o,c]=i(``),l=f(),p=e=>l.run(async()=>{await u(`PATCH`,`/manage/projects/${encodeURIComponent(t)}`,{cors:[...e,o.trim()]}),a.refresh()});return e(s,{title:`Pages that may send events`,children:e(h,{state:a,rows:2,children:t=>{let r=t.data.cors,i=o.trim(),a=i&&r.some(e=>P(e,i));return e(n,{children:[e(`p`,{class:`chips`,children:r.length?r.map(t=>e(`code`,{class:`tag`,children:t},t)):e(`span`,{class:`muted`,children:`None yet: browsers are refused without a secret.`})}),e(`form`,{class:`inline-form`,onSubmit:e=>{e.preventDefault(),i&&!a&&p(r)},children:[e(m,{label:`Check an origin`,error:l.problemOf(`cors`),children:(t,n)=>e(`input`,{id:t,placeholder:`https://shop.example`,"aria-describedby":n,value:o,onInput:e=>c(e.currentTarget.value)})}),e(`p`,{class:`verdict`,"aria-live":`polite`,children:i&&(a?e(`span`,{class:`good`,children:`This origin is allowed.`}):e(n,{children:[e(`span`,{class:`bad`,children:`This origin is not allowed.`}),` `,e(`button`,{type:`submit`,class:`button`,disabled:l.busy,children:`Add it`})]}))})]}),l.error&&l.error.details.length===0&&e(d,{error:l.error})]})}})})}function B({projectId:t}){let n=r(`/manage/projects/{id}/track/diagnostics`,{id:t}),i=S(n,F*5),o=_(),c=e=>e.data,u=e=>e.details.map(e=>`${e.path.join(`.`)}: ${e.message}`).join(`; `);return e(s,{title:`Requests that were refused or changed`,actions:e(l,{path:n.path,file:`${t}-diagnostics`,csv:i.data&&(()=>({head:[`at`,`count`,`outcome`,`event`,`message`,`details`],rows:c(i.data).map(e=>[e.at,e.count,e.outcome,e.event,e.message,u(e)])}))}),children:e(h,{state:i,rows:3,empty:t=>c(t).length?null:e(a,{title:`None`,children:`Nothing was refused since the server started.`}),children:t=>e(E,{caption:`Requests that were refused or changed`,rows:c(t),keyOf:(e,t)=>e.at+t,columns:[{head:`What`,cell:t=>e(`div`,{class:`wrap`,children:[e(`span`,{class:`tag ${t.outcome===`refused`?`bad`:``}`,children:t.outcome}),` `,t.message,t.details.length>0&&e(`div`,{class:`muted small`,children:u(t)})]})},{head:`Event`,cell:t=>e(`bdi`,{class:`text cell`,children:t.event??`–`}),wide:!0},{head:`Times`,cell:e=>D(e.count),number:!0},{head:`Last`,number:!0,cell:t=>e(`time`,{dateTime:t.at,title:x(t.at,o,!0),children:b(t.at)})}]})})})}export{I as Setup};