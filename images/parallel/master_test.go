package main

import (
	"reflect"
	"testing"
)

// testMaster is a master of a run "r" with three tasks that may be tried twice, without a broker.
func testMaster(t *testing.T) *master {
	t.Helper()
	record := openTestRecord(t, t.TempDir())
	return &master{settings: MasterSettings{Run: "r", Tries: 2}, record: record, progress: newProgress(record)}
}

func report(id, try, exitCode int) Report {
	return Report{Run: "r", ID: id, Try: try, Ending: Ending{ExitCode: exitCode}}
}

func TestJudge(t *testing.T) {
	type verdict struct {
		results []taskTry
		again   []taskTry
	}
	cases := map[string]struct {
		reports []Report
		want    verdict
	}{
		"a success is an outcome":          {[]Report{report(1, 1, 0)}, verdict{results: []taskTry{{1, 1}}}},
		"a failure is tried again":         {[]Report{report(1, 1, 3)}, verdict{again: []taskTry{{1, 2}}}},
		"the last failure is an outcome":   {[]Report{report(1, 2, 3)}, verdict{results: []taskTry{{1, 2}}}},
		"a report that comes twice counts": {[]Report{report(1, 1, 0), report(1, 1, 0)}, verdict{results: []taskTry{{1, 1}}}},
		"a failure that comes twice is tried again once": {
			[]Report{report(2, 1, 1), report(2, 1, 1)}, verdict{again: []taskTry{{2, 2}}},
		},
		"a late success of an earlier try is nothing": {
			[]Report{report(2, 1, 1), report(2, 1, 0)}, verdict{again: []taskTry{{2, 2}}},
		},
		"both tries in one batch": {
			[]Report{report(2, 1, 1), report(2, 2, 0)}, verdict{results: []taskTry{{2, 2}}, again: []taskTry{{2, 2}}},
		},
		"another run's report is nothing": {[]Report{{Run: "old", ID: 1, Try: 1}}, verdict{}},
		"a task that is not there":        {[]Report{report(4, 1, 0), report(0, 1, 0)}, verdict{}},
	}
	for name, one := range cases {
		t.Run(name, func(t *testing.T) {
			results, again := testMaster(t).judge(one.reports)
			var got verdict
			for _, result := range results {
				got.results = append(got.results, taskTry{result.Task, result.Tries})
			}
			for _, task := range again {
				got.again = append(got.again, taskTry{task.ID, task.Try})
			}
			if !reflect.DeepEqual(got, one.want) {
				t.Errorf("got %+v, want %+v", got, one.want)
			}
		})
	}
}

func TestJudgeKnowsWhatIsRecorded(t *testing.T) {
	m := testMaster(t)
	if err := m.record.addResults([]Result{m.result(1, Succeeded, 1, m.record.begun)}); err != nil {
		t.Fatal(err)
	}
	if err := m.record.addEntries(journalEntry{Retried: &taskTry{2, 2}}); err != nil {
		t.Fatal(err)
	}
	results, again := m.judge([]Report{report(1, 1, 0), report(2, 1, 0)})
	if len(results)+len(again) != 0 {
		t.Errorf("an ended task and an earlier try count again: %v, %v", results, again)
	}
}
