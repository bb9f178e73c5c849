// A dashboard of Grafana as JSON, with the types of @grafana/schema, which tell what each panel and its options may have.

import type * as schema from "./node_modules/@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen";
import type * as bargauge from "./node_modules/@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as heatmap from "./node_modules/@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "./node_modules/@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as statetimeline from "./node_modules/@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "./node_modules/@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "./node_modules/@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has the values of enumerations, not their names.
type Plain<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

// A query of the Prometheus plugin, which this package does not describe.
interface Target {
  expr: string;
  refId: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: "time_series" | "table" | "heatmap";
  interval?: string;
}

interface Annotation extends schema.AnnotationQuery {
  expr: string;
  useValueForTime: boolean;
  titleFormat: string;
}

// Grafana fills in what is missing of options, but it does not know others.
type Some<T> = T extends (infer Item)[]
  ? Some<Item>[]
  : T extends object
    ? { [Key in keyof T]?: Some<T[Key]> }
    : T;

type Of<Type extends string, Options, Custom> = Omit<
  Plain<schema.Panel>,
  "type" | "options" | "targets" | "fieldConfig"
> & {
  type: Type;
  options: Some<Plain<Options>>;
  targets: Target[];
  fieldConfig: {
    defaults: Omit<Plain<schema.FieldConfig>, "custom"> & { custom?: Some<Plain<Custom>> };
    overrides: Plain<schema.FieldConfigSource["overrides"]>;
  };
};

type Panel =
  | Of<"bargauge", bargauge.Options, never>
  | Of<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Of<"stat", stat.Options, never>
  | Of<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>
  | Of<"table", table.Options, table.FieldConfig>
  | Of<"timeseries", timeseries.Options, timeseries.FieldConfig>;

type Row = Omit<Plain<schema.RowPanel>, "panels"> & { panels: Panel[] };

export type Dashboard = Omit<Plain<schema.Dashboard>, "panels" | "annotations"> & {
  panels: (Panel | Row)[];
  annotations: { list: Plain<Annotation>[] };
};
