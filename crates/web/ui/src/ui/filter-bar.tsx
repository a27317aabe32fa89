import { useState } from 'preact/hooks';
import { ask } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { NAMES, nameLabel, needsValue, OPERATORS, operatorLabel, parseFilters, printFilter, withFilter, type Filter } from '../lib/filters';
import { currentRoute, here, navigate } from '../lib/route';
import { useProject, useSession } from './context';
import { Icon } from './icons';
import { Dialog, Field } from './parts';

/** The filters of the address. */
export const currentFilters = (): Filter[] => parseFilters(currentRoute().query);

/** The address with these filters. */
export const hrefOf = (filters: Filter[]): string => here({ f: filters.map(printFilter), page: null, cursor: null });

export const valueLabel = (name: string, value: string): string => (name === 'country' ? format.country(value) : value);

/** A filter in words. */
export function filterLabel(filter: Filter): string {
  const values = filter.value.map(value => valueLabel(filter.name, value)).join(' or ');
  return `${nameLabel(filter.name)} ${operatorLabel(filter.operator)}${values ? ` ${values}` : ''}`;
}

/** The filters as chips, and a form for another one. */
export function FilterBar({
  filters = currentFilters(),
  onChange = next => navigate(hrefOf(next)),
}: {
  filters?: Filter[];
  onChange?: (filters: Filter[]) => void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <div class="filters" role="group" aria-label="Filters">
      {filters.map(filter => (
        <span key={printFilter(filter)} class="chip">
          <bdi class="text" title={filterLabel(filter)}>
            {filterLabel(filter)}
          </bdi>
          <button
            type="button"
            aria-label={`Remove: ${filterLabel(filter)}`}
            onClick={() => onChange(filters.filter(one => one !== filter))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <button type="button" class="button quiet" onClick={() => setOpen(true)}>
        <Icon name="plus" />
        Filter
      </button>
      {filters.length > 1 && (
        <button type="button" class="button quiet" onClick={() => onChange([])}>
          Clear all
        </button>
      )}
      {open && (
        <FilterForm
          onClose={() => setOpen(false)}
          onAdd={filter => {
            setOpen(false);
            onChange(withFilter(filters, filter));
          }}
        />
      )}
    </div>
  );
}

/** What whoever comes with a share link may filter by: nothing that tells people apart. */
const SHARED = new Set([
  'path',
  'origin',
  'referrer',
  'referrer_name',
  'referrer_type',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_term',
  'utm_content',
  'country',
  'region',
  'city',
  'device',
  'brand',
  'model',
  'browser',
  'browser_version',
  'os',
  'os_version',
]);

const DIMENSIONS = new Set([
  'referrer',
  'referrer_name',
  'referrer_type',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_term',
  'utm_content',
  'region',
  'country',
  'city',
  'device',
  'brand',
  'model',
  'browser',
  'browser_version',
  'os',
  'os_version',
]);

function FilterForm({ onAdd, onClose }: { onAdd: (filter: Filter) => void; onClose: () => void }) {
  const project = useProject();
  const shared = useSession().session.client.type === 'share';
  const [name, setName] = useState('path');
  const [property, setProperty] = useState('');
  const [operator, setOperator] = useState('is');
  const [value, setValue] = useState('');
  const isProperty = name === 'properties.';
  const projectId = project.id;
  const dimension = useQuestion(
    !shared && DIMENSIONS.has(name)
      ? ask('/insights/{projectId}/{dimension}', { projectId, dimension: name }, { range: '30d', limit: 100 })
      : null,
  );
  const pages = useQuestion(name === 'path' ? ask('/insights/{projectId}/pages/top', { projectId }, { range: '30d', limit: 100 }) : null);
  const events = useQuestion(name === 'name' ? ask('/insights/{projectId}/events/names', { projectId }) : null);
  const properties = useQuestion(isProperty ? ask('/insights/{projectId}/events/properties', { projectId }) : null);
  const suggestions =
    dimension.data?.map(row => row.name ?? '') ??
    pages.data?.map(row => row.path) ??
    (events.data as string[] | undefined) ??
    (name === 'has_profile' ? ['true', 'false'] : []);
  const keys = [...new Set(properties.data?.properties.map(row => row.property_key) ?? [])];

  const submit = (event: Event) => {
    event.preventDefault();
    const column = isProperty ? `properties.${property.trim()}` : name;
    onAdd({ name: column, operator, value: needsValue(operator) ? [value.trim()] : [] });
  };
  return (
    <Dialog title="Add a filter" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="What">
          {id => (
            <select
              id={id}
              value={name}
              onChange={event => {
                setName(event.currentTarget.value);
                setValue('');
              }}
            >
              {NAMES.filter(([column]) => !shared || SHARED.has(column)).map(([column, text]) => (
                <option key={column} value={column}>
                  {text}
                </option>
              ))}
              {!shared && <option value="properties.">A property of events…</option>}
            </select>
          )}
        </Field>
        {isProperty && (
          <Field label="Property">
            {id => (
              <>
                <input
                  id={id}
                  required
                  list={`${id}-list`}
                  value={property}
                  autoComplete="off"
                  onInput={event => setProperty(event.currentTarget.value)}
                />
                <datalist id={`${id}-list`}>
                  {keys.map(key => (
                    <option key={key} value={key} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        )}
        <Field label="Condition">
          {id => (
            <select id={id} value={operator} onChange={event => setOperator(event.currentTarget.value)}>
              {OPERATORS.map(([one, text]) => (
                <option key={one} value={one}>
                  {text}
                </option>
              ))}
            </select>
          )}
        </Field>
        {needsValue(operator) && (
          <Field label="Value" hint={name === 'country' ? 'The code of two letters, such as DE' : undefined}>
            {(id, note) => (
              <>
                <input
                  id={id}
                  required
                  dir="auto"
                  aria-describedby={note}
                  list={`${id}-list`}
                  value={value}
                  autoComplete="off"
                  onInput={event => setValue(event.currentTarget.value)}
                />
                <datalist id={`${id}-list`}>
                  {suggestions.filter(Boolean).map(one => (
                    <option key={one} value={one} label={name === 'country' ? format.country(one) : undefined} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        )}
        <div class="form-actions">
          <button type="submit" class="button primary">
            Add filter
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
