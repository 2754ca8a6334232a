"""How answers look: a Plotly figure and a rich table for each. Imported when one is asked for."""
